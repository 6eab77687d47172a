//! Every use of the session with every combination of cache headers.

use std::{collections::HashSet, sync::Arc};

use sessile::config::Loading;
use tokio::task::JoinSet;

use crate::{
    checks::{check_cookie, check_origin, check_page},
    controls::assert_caches,
    headers::{Headers, NONE, PUBLIC},
    server::Client,
    setup::{Proxy, Site, behind_each_proxy, in_memory},
    uses::{Role, Use},
    visitor::{Change, Visitor},
};

behind_each_proxy![
    no_visitor_gets_the_page_or_the_session_of_another,
    no_visitor_gets_the_page_or_the_session_of_another_when_sessions_are_loaded_lazily,
];

async fn no_visitor_gets_the_page_or_the_session_of_another(proxy: Proxy) {
    check(Site::start(proxy), Headers::all().collect()).await;
}

async fn no_visitor_gets_the_page_or_the_session_of_another_when_sessions_are_loaded_lazily(
    proxy: Proxy,
) {
    let site = Site::start_with(proxy, in_memory().loading(Loading::Lazy));
    let headers = [NONE, PUBLIC].into_iter();
    check(
        site,
        headers.flat_map(Headers::with_cache_control).collect(),
    )
    .await;
}

/// How many parties visit at once.
const PARTIES: usize = 4;

/// How many failures of each use a message shows.
const SHOWN: usize = 3;

async fn check(site: Site, headers: Vec<Headers>) {
    let uses = Use::ALL.into_iter();
    let cases: Arc<[_]> = uses
        .flat_map(|kind| headers.iter().map(move |headers| (kind, *headers)))
        .collect();
    let mut parties = JoinSet::new();
    for number in 0..PARTIES {
        let cases = Arc::clone(&cases);
        let party = Party::new(*site.application, site.front, number);
        parties.spawn(async move {
            let mut party = party.await;
            let mut failures = Vec::new();
            for &(kind, headers) in cases.iter().skip(number).step_by(PARTIES) {
                if let Err(failure) = party.visit(kind, headers).await {
                    failures.push((kind, format!("with {headers}: {failure}")));
                    party.start_again().await;
                }
            }
            failures
        });
    }
    let failures = parties.join_all().await.concat();
    assert_caches(&site).await;
    let count = failures.len();
    assert_eq!(count, 0, "of {} cases:\n{}", cases.len(), report(&failures));
}

/// The number of failures for each use, and some of them.
fn report(failures: &[(Use, String)]) -> String {
    let mut lines = Vec::new();
    for kind in Use::ALL {
        let of_kind = failures.iter().filter(|(failed, _)| *failed == kind);
        let texts: Vec<_> = of_kind.map(|(_, text)| text.as_str()).collect();
        if !texts.is_empty() {
            lines.push(format!("{kind}: {} failures", texts.len()));
        }
        lines.extend(texts.iter().take(SHOWN).map(|text| format!("  {text}")));
    }
    lines.join("\n")
}

/// Visitors who request the same pages.
struct Party {
    application: Client,
    proxy: Client,
    number: usize,
    alice: Visitor,
    bob: Visitor,
    /// Every cookie that a visitor of this party was given.
    given: HashSet<String>,
}

impl Party {
    async fn new(application: Client, proxy: Client, number: usize) -> Self {
        let sign_in = |name| Visitor::signed_in(&application, format!("{name}-{number}"));
        let (alice, bob) = (sign_in("alice").await, sign_in("bob").await);
        Self {
            given: [&alice, &bob]
                .into_iter()
                .filter_map(|it| it.cookie.clone())
                .collect(),
            application,
            proxy,
            number,
            alice,
            bob,
        }
    }

    /// With new sessions.
    async fn start_again(&mut self) {
        let given = std::mem::take(&mut self.given);
        *self = Self::new(self.application, self.proxy, self.number).await;
        self.given.extend(given);
    }

    /// All requests of a case.
    async fn visit(&mut self, kind: Use, headers: Headers) -> Result<(), String> {
        let path = kind.path(headers);
        let mut guests =
            ["carol", "dave", "erin"].map(|name| Visitor::guest(format!("{name}-{}", self.number)));
        let mut last = 0;
        for &(role, method) in kind.visits() {
            let visitor = match role {
                Role::Alice => &mut self.alice,
                Role::Bob => &mut self.bob,
                Role::Guest => &mut guests[0],
                Role::OtherGuest => &mut guests[1],
                Role::ThirdGuest => &mut guests[2],
            };
            let reply = visitor.request(&self.proxy, method, &path).await;
            let former = visitor.clone();
            let change = visitor.note(kind);
            check_page(kind, visitor, method, &reply)
                .and_then(|()| check_cookie(visitor, change, &reply, &mut self.given))
                .and_then(|()| check_origin(&reply, &mut last))
                .map_err(|failure| format!("{failure}: {reply:?}"))?;
            if change != Change::Stays {
                visitor.check_session(&self.application).await?;
                former.check_signed_out(&self.application).await?;
            }
        }
        if kind == Use::Purge {
            self.start_again().await;
        }
        Ok(())
    }
}
