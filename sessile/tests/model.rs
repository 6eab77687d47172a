//! Requests in any order against a model of what has to come out.
//!
//! The model applies what each request did, in the order of the commits, to one plain map, and
//! knows one key that is alive. Whatever the schedule, the library has to agree with it.

#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::Value;
use sessile::{
    SealingKey, Session, SessionManager, Settings,
    storage::{MemorySessionStore, SessionStore, SqliteSessionStore},
};

const NAMES: [&str; 3] = ["a", "b", "c"];
const REQUESTS: usize = 4;

#[derive(Debug, Clone, Copy)]
enum Write {
    Insert(usize, i64),
    Remove(usize),
    Clear,
    Update(usize),
    UpdateOr(usize),
    Renew,
    Purge,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Open,
    Write(Write),
    Save,
    Reload,
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    let write = prop_oneof![
        6 => (name.clone(), 0..100_i64).prop_map(|(name, value)| Write::Insert(name, value)),
        2 => name.clone().prop_map(Write::Remove),
        1 => Just(Write::Clear),
        4 => name.clone().prop_map(Write::Update),
        4 => name.prop_map(Write::UpdateOr),
        1 => Just(Write::Renew),
        1 => Just(Write::Purge),
    ];
    prop_oneof![
        4 => Just(Step::Open),
        8 => write.prop_map(Step::Write),
        1 => Just(Step::Save),
        1 => Just(Step::Reload),
        4 => Just(Step::Commit),
    ]
}

type State = HashMap<String, Value>;

fn apply(write: Write, state: &mut State) {
    let add_one = |value: &mut Value| *value = (value.as_i64().unwrap() + 1).into();
    match write {
        Write::Insert(name, value) => {
            state.insert(NAMES[name].to_owned(), value.into());
        }
        Write::Remove(name) => {
            state.remove(NAMES[name]);
        }
        Write::Clear => state.clear(),
        Write::Update(name) => {
            state.get_mut(NAMES[name]).map(add_one);
        }
        Write::UpdateOr(name) => {
            state
                .entry(NAMES[name].to_owned())
                .and_modify(add_one)
                .or_insert(100.into());
        }
        Write::Renew | Write::Purge => {}
    }
}

fn perform(write: Write, session: &Session) {
    match write {
        Write::Insert(name, value) => session.insert(NAMES[name], value).unwrap(),
        Write::Remove(name) => {
            session.remove(NAMES[name]);
        }
        Write::Clear => session.clear(),
        Write::Update(name) => session.update(NAMES[name], |n: i64| n + 1).unwrap(),
        Write::UpdateOr(name) => session.update_or(NAMES[name], 100, |n: i64| n + 1).unwrap(),
        Write::Renew => session.renew(),
        Write::Purge => session.purge(),
    }
}

/// A request under way, and what the model knows of it.
struct Request {
    session: Session,
    /// The key it came with or was given, as an index into the world's cookies.
    key: Option<usize>,
    /// Which of the sessions there were it belongs to.
    lineage: usize,
    view: State,
    unsaved: Vec<Write>,
    renews: bool,
    purges: bool,
    ended: bool,
}

struct World<S> {
    manager: SessionManager<S>,
    /// All cookies there ever were.
    cookies: Vec<String>,
    /// The one that names the live session, and what that holds.
    live: Option<(usize, State)>,
    /// How many sessions there were.
    begun: usize,
}

impl<S: SessionStore> World<S> {
    async fn open(&self) -> Request {
        let key = self.live.as_ref().map(|(key, _)| *key);
        let cookie = key.map_or("", |key| &self.cookies[key]);
        Request {
            session: self.manager.open([cookie.as_bytes()]).await.unwrap(),
            key,
            lineage: self.begun,
            view: self
                .live
                .as_ref()
                .map(|(_, state)| state.clone())
                .unwrap_or_default(),
            unsaved: Vec::new(),
            renews: false,
            purges: false,
            ended: false,
        }
    }

    /// What storing the request's changes does to the model; whether the session went on.
    fn store(&mut self, request: &mut Request) -> bool {
        let is_live = request.key.is_some() && request.key == self.live.as_ref().map(|l| l.0);
        let unsaved = std::mem::take(&mut request.unsaved);
        if request.purges {
            // It ends the session also if that has been renewed since.
            if request.lineage == self.begun {
                self.live = None;
            }
            return true;
        }
        if unsaved.is_empty() && !request.renews {
            return true;
        }
        if !is_live {
            return false;
        }
        if let Some((_, state)) = &mut self.live {
            unsaved.iter().for_each(|write| apply(*write, state));
            request.view.clone_from(state);
        }
        true
    }

    async fn check(&self) {
        for (key, cookie) in self.cookies.iter().enumerate() {
            let expected = match &self.live {
                Some((live, state)) if *live == key => state.clone(),
                _ => State::new(),
            };
            let session = self.manager.open([cookie.as_bytes()]).await.unwrap();
            assert_eq!(session.entries(), expected, "under key {key}");
        }
    }

    /// A first session, so that there is something to race for.
    async fn begin(&mut self) {
        let session = self.manager.open([]).await.unwrap();
        session.insert(NAMES[0], 1).unwrap();
        let cookie = self.commit(&session).await.unwrap();
        self.cookies.push(cookie);
        let state = State::from([(NAMES[0].to_owned(), 1.into())]);
        self.live = Some((self.cookies.len() - 1, state));
        self.begun += 1;
    }

    async fn commit(&self, session: &Session) -> Option<String> {
        let set_cookie = self.manager.commit(session).await.unwrap()?;
        Some(set_cookie.as_str().split(';').next().unwrap().to_owned())
    }

    async fn run(&mut self, steps: &[(usize, Step)]) {
        let mut requests: [Option<Request>; REQUESTS] = Default::default();
        for (slot, step) in steps {
            if self.live.is_none() {
                self.begin().await;
            }
            match (step, requests[*slot].take()) {
                (Step::Open, _) | (_, None) => requests[*slot] = Some(self.open().await),
                (Step::Write(write), Some(mut request)) => {
                    if !request.ended {
                        self.write(*write, &mut request);
                    }
                    requests[*slot] = Some(request);
                }
                (Step::Save, Some(mut request)) => {
                    // A renewal is only sent with the commit, which is what is checked here.
                    if !request.renews && !request.purges && !request.ended {
                        let goes_on = self.store(&mut request);
                        assert_eq!(request.session.save().await.is_ok(), goes_on);
                        request.ended = !goes_on;
                    }
                    requests[*slot] = Some(request);
                }
                (Step::Reload, Some(mut request)) => {
                    if !request.purges && !request.ended {
                        self.reload(&mut request).await;
                    }
                    requests[*slot] = Some(request);
                }
                (Step::Commit, Some(mut request)) => {
                    let goes_on = request.ended || self.store(&mut request);
                    let cookie = self.commit(&request.session).await;
                    if request.ended || !goes_on {
                        assert_eq!(cookie, None, "an ended session sent a cookie");
                    } else if request.renews && !request.purges {
                        self.cookies.push(cookie.unwrap());
                        let key = self.cookies.len() - 1;
                        self.live.as_mut().unwrap().0 = key;
                    }
                    self.check().await;
                }
            }
        }
    }

    fn write(&self, write: Write, request: &mut Request) {
        perform(write, &request.session);
        if request.purges {
            return;
        }
        match write {
            Write::Renew => request.renews = true,
            Write::Purge => {
                request.purges = true;
                request.view.clear();
            }
            Write::Remove(name) | Write::Update(name)
                if !request.view.contains_key(NAMES[name]) => {}
            write => {
                apply(write, &mut request.view);
                request.unsaved.push(write);
            }
        }
        assert_eq!(request.session.entries(), request.view);
    }

    async fn reload(&self, request: &mut Request) {
        let is_live = request.key == self.live.as_ref().map(|(key, _)| *key);
        assert_eq!(request.session.reload().await.is_ok(), is_live);
        request.ended = !is_live;
        if let (true, Some((_, state))) = (is_live, &self.live) {
            request.view = state.clone();
            let unsaved = request.unsaved.iter();
            unsaved.for_each(|write| apply(*write, &mut request.view));
            assert_eq!(request.session.entries(), request.view);
        }
    }
}

fn agree<S: SessionStore>(steps: &[(usize, Step)], store: impl AsyncFnOnce() -> S) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let key = SealingKey::generate();
        let manager = SessionManager::new(store().await, key, Settings::default()).unwrap();
        let mut world = World {
            manager,
            cookies: Vec::new(),
            live: None,
            begun: 0,
        };
        world.run(steps).await;
    });
}

fn schedule(longest: usize) -> impl Strategy<Value = Vec<(usize, Step)>> {
    prop::collection::vec((0..REQUESTS, step()), 1..longest)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory(steps in schedule(80)) {
        agree(&steps, async || MemorySessionStore::default());
    }

    #[test]
    fn sqlite(steps in schedule(40)) {
        agree(&steps, async || SqliteSessionStore::new("sqlite::memory:").await.unwrap());
    }
}
