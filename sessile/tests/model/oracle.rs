//! The expected result of each step, computed with a plain map for each session.

use std::mem;

use sessile::{SessionStatus, error::SessionClosedError};

use crate::request::{Due, Place, Request, State};

/// A cookie, as a number in the order of issue.
pub(crate) type Cookie = usize;

/// A session that was stored.
struct Kept {
    /// The cookie that opens it; `None` once it has ended.
    opens: Option<Cookie>,
    /// The cookie that the last renewal replaced.
    predecessor: Option<Cookie>,
    state: State,
}

/// The stored state.
#[derive(Default)]
pub(crate) struct Oracle {
    sessions: Vec<Kept>,
    /// The session of each cookie.
    cookies: Vec<usize>,
}

/// What other requests did to the session of a request.
enum Found {
    New,
    Live(usize),
    Stale,
    /// A cookie that was sent before, or a new one.
    Superseded {
        known: bool,
    },
    Ended,
}

/// What a response tells the browser.
#[derive(Debug, PartialEq)]
pub(crate) enum Sent {
    Nothing,
    Cookie(Cookie),
    Removal,
}

impl Oracle {
    /// The state that a cookie opens.
    pub(crate) fn behind(&self, cookie: Cookie) -> State {
        let kept = &self.sessions[self.cookies[cookie]];
        match kept.opens == Some(cookie) {
            true => kept.state.clone(),
            false => State::new(),
        }
    }

    pub(crate) fn open(&self, cookie: Option<Cookie>) -> Request {
        let mut request = Request {
            place: Place::New,
            base: State::new(),
            view: State::new(),
            unsaved: Vec::new(),
            status: SessionStatus::Unchanged,
            ending: Vec::new(),
            came: cookie.is_some(),
            due: Due::Nothing,
        };
        if let Some(cookie) = cookie {
            let session = self.cookies[cookie];
            let kept = &self.sessions[session];
            if kept.opens == Some(cookie) {
                let with = cookie;
                request.take_in(Place::Opened { session, with }, &kept.state);
            } else if kept.opens.is_some() && kept.predecessor == Some(cookie) {
                request.place = Place::Stale { session };
            }
        }
        request
    }

    fn find(&self, place: Place) -> Found {
        match place {
            Place::New => Found::New,
            Place::Stale { .. } => Found::Stale,
            Place::Superseded { .. } => Found::Superseded { known: true },
            Place::Ended => Found::Ended,
            Place::Opened { session, with } => match self.sessions[session].opens {
                Some(opens) if opens == with => Found::Live(session),
                Some(_) => Found::Superseded { known: false },
                None => Found::Ended,
            },
        }
    }

    /// Loads the stored state.
    pub(crate) fn reload(&self, request: &mut Request) -> Result<(), Option<SessionClosedError>> {
        if request.status == SessionStatus::Purged {
            return Err(Some(SessionClosedError::Purged));
        }
        match self.find(request.place) {
            Found::New | Found::Stale => Err(None),
            Found::Live(session) => {
                request.take_in(request.place, &self.sessions[session].state);
                Ok(())
            }
            Found::Superseded { .. } => Err(Some(request.lose(SessionClosedError::Superseded))),
            Found::Ended => {
                request.due = Due::Nothing;
                Err(Some(request.lose(SessionClosedError::Ended)))
            }
        }
    }

    /// Stores the changes.
    pub(crate) fn save(&mut self, request: &mut Request) -> Result<(), SessionClosedError> {
        for session in mem::take(&mut request.ending) {
            self.sessions[session].opens = None;
            request.due = if request.came {
                Due::Remove
            } else {
                Due::Nothing
            };
        }
        use SessionStatus::{Changed, Purged, Renewed, Unchanged};
        match (request.status, self.find(request.place)) {
            (Purged, _) => return Ok(()),
            (Unchanged, _) => {}
            (status, Found::Live(session)) => {
                let kept = &mut self.sessions[session];
                let unsaved = mem::take(&mut request.unsaved);
                unsaved
                    .iter()
                    .for_each(|write| write.apply(&mut kept.state));
                let mut with = kept.opens.unwrap_or_default();
                if status == Renewed {
                    kept.predecessor = Some(with);
                    with = self.issue(session);
                    request.due = Due::Issue;
                }
                let state = &self.sessions[session].state;
                request.take_in(Place::Opened { session, with }, state);
            }
            (_, Found::Ended) => return Err(request.lose(SessionClosedError::Ended)),
            (Changed, Found::Stale | Found::Superseded { .. }) => {
                return Err(request.lose(SessionClosedError::Superseded));
            }
            (Renewed, Found::Superseded { known: false }) => self.create(request),
            _ if request.view.is_empty() => {}
            _ => self.create(request),
        }
        request.unsaved.clear();
        request.status = Unchanged;
        Ok(())
    }

    /// What the response to a request with an unsafe method tells the browser, if it is not a 409.
    pub(crate) fn commit(&mut self, mut request: Request) -> Result<Sent, SessionClosedError> {
        let purges = request.status == SessionStatus::Purged;
        self.save(&mut request)?;
        Ok(match (request.due, request.place) {
            _ if purges && request.came => Sent::Removal,
            (Due::Remove, _) => Sent::Removal,
            (Due::Issue, Place::Opened { session, with })
                if self.sessions[session].opens == Some(with) =>
            {
                Sent::Cookie(with)
            }
            _ => Sent::Nothing,
        })
    }

    fn create(&mut self, request: &mut Request) {
        let session = self.sessions.len();
        self.sessions.push(Kept {
            opens: None,
            predecessor: None,
            state: request.view.clone(),
        });
        let with = self.issue(session);
        request.due = Due::Issue;
        request.unsaved.clear();
        let state = &self.sessions[session].state;
        request.take_in(Place::Opened { session, with }, state);
    }

    fn issue(&mut self, session: usize) -> Cookie {
        let cookie = self.cookies.len();
        self.cookies.push(session);
        self.sessions[session].opens = Some(cookie);
        cookie
    }
}
