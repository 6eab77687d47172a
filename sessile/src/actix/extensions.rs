//! [`Held`]: the session of a middleware, in the extensions of a request.

use std::{any::TypeId, marker::PhantomData};

use actix_web::dev::Extensions;

use super::pages::Pages;
use crate::Session;

/// A session, and the application's pages for refused requests.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) session: Session,
    /// For the extractors.
    pub(super) pages: Pages,
}

impl Held {
    /// A session that outer code takes before a middleware opens it.
    pub(super) fn early() -> Self {
        Self {
            session: Session::early(),
            pages: Pages::default(),
        }
    }
}

/// The slot of the request's extensions for the session of the middlewares with one marker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    get: fn(&Extensions) -> Option<&Held>,
    set: fn(&mut Extensions, Option<Held>),
    is_marked: bool,
}

/// The entry of the extensions for the marker `M`.
struct Marked<M>(Held, PhantomData<fn() -> M>);

impl Slot {
    /// The slot of the marker `M`.
    pub(super) fn of<M: 'static>() -> Self {
        Self {
            get: |extensions| extensions.get::<Marked<M>>().map(|marked| &marked.0),
            set: |extensions, held| match held {
                Some(held) => drop(extensions.insert(Marked::<M>(held, PhantomData))),
                None => drop(extensions.remove::<Marked<M>>()),
            },
            is_marked: TypeId::of::<M>() != TypeId::of::<()>(),
        }
    }

    /// The slot of middlewares without a marker.
    pub(super) fn unmarked() -> Self {
        Self::of::<()>()
    }

    pub(super) const fn is_marked(self) -> bool {
        self.is_marked
    }

    pub(super) fn get(self, extensions: &Extensions) -> Option<&Held> {
        (self.get)(extensions)
    }

    pub(super) fn set(self, extensions: &mut Extensions, held: Option<Held>) {
        (self.set)(extensions, held);
    }
}
