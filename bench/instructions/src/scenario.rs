//! The scenarios that are counted: a request to the engine, or one step of it.

use std::hint::black_box;

use anyhow::Context as _;
use clap::ValueEnum;
use sessile::{
    Session,
    clock::{ManualClock, Timestamp},
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager, SetCookie},
    record::Record,
    storage::{CookieSessionStore, MemorySessionStore, SessionStore},
};
use sha2::{Digest as _, Sha256};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Scenario {
    /// A request without a cookie.
    Anonymous,
    /// A request with a cookie that fails verification.
    Rejected,
    /// The session is in memory, and the handler does not use it.
    MemoryIdle,
    MemoryRead,
    MemoryChange,
    MemoryCreate,
    /// The session is in the cookie.
    CookieRead,
    CookieChange,
    /// The work of every store that keeps text.
    RecordEncode,
    RecordDecode,
    /// SHA-256 of 16 bytes. Every request with a store on the server takes one such digest, of the secret
    /// in its cookie. The engine has no public function for it, so this scenario calls `sha2` directly, in
    /// the version that the engine uses.
    Digest,
}

impl Scenario {
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub(crate) fn run(self, times: u32) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        runtime.block_on(async {
            match self {
                Self::Anonymous => in_memory()?.repeat(None, times, |_| Ok(())).await,
                Self::Rejected => {
                    let foreign = format!("id={}", "A".repeat(120));
                    in_memory()?.repeat(Some(foreign), times, |_| Ok(())).await
                }
                Self::MemoryIdle => in_memory()?.visit(times, |_| Ok(())).await,
                Self::MemoryRead => in_memory()?.visit(times, read).await,
                Self::MemoryChange => in_memory()?.visit(times, change).await,
                Self::MemoryCreate => in_memory()?.repeat(None, times, begin).await,
                Self::CookieRead => in_cookie()?.visit(times, read).await,
                Self::CookieChange => in_cookie()?.visit(times, change).await,
                Self::Digest => {
                    for _ in 0..times {
                        black_box(Sha256::digest(black_box([7_u8; 16])));
                    }
                    Ok(())
                }
                Self::RecordEncode => {
                    let record = record()?;
                    (0..times).for_each(|_| drop(black_box(record.encode())));
                    Ok(())
                }
                Self::RecordDecode => {
                    let text = record()?.encode();
                    for _ in 0..times {
                        black_box(Record::decode(black_box(text.as_bytes()))?);
                    }
                    Ok(())
                }
            }
        })
    }
}

const POST: ResponseHead<'static> = ResponseHead::to("POST");

/// The engine on one store.
struct Engine<S>(SessionManager<S>);

impl<S: SessionStore> Engine<S> {
    fn new(store: S) -> anyhow::Result<Self> {
        let key = SealingKey::try_from(&[7; SealingKey::LEN][..])?;
        let settings = Settings::default().clock(clock());
        Ok(Self(SessionManager::new(store, key, settings)?))
    }

    /// Begins a session, and then has `handler` use it `times` times.
    async fn visit(
        &self,
        times: u32,
        handler: impl Fn(&Session) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let session = self.0.open([]).await?;
        begin(&session)?;
        let set_cookie = self.0.commit(&session, &POST).await?.set_cookie;
        let cookie = pair(&set_cookie.context("a new session has a cookie")?);
        self.repeat(Some(cookie), times, handler).await
    }

    /// Sends requests one after the other. If they have a cookie, each has the newest one.
    async fn repeat(
        &self,
        mut cookie: Option<String>,
        times: u32,
        handler: impl Fn(&Session) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for _ in 0..times {
            let header = cookie.as_deref().map(str::as_bytes);
            let session = self.0.open(header).await?;
            handler(&session)?;
            let set_cookie = self.0.commit(&session, &POST).await?.set_cookie;
            if let (Some(cookie), Some(newer)) = (&mut cookie, set_cookie) {
                *cookie = pair(&newer);
            }
        }
        Ok(())
    }
}

fn in_memory() -> anyhow::Result<Engine<MemorySessionStore>> {
    Engine::new(MemorySessionStore::builder().clock(clock()).build())
}

fn in_cookie() -> anyhow::Result<Engine<CookieSessionStore>> {
    Engine::new(CookieSessionStore::default())
}

/// A clock that stands still, so that its time has the same number of digits in all runs.
fn clock() -> ManualClock {
    ManualClock::starting_at(now())
}

fn now() -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000)
}

fn begin(session: &Session) -> anyhow::Result<()> {
    session.insert("user", "ferris")?;
    session.insert("language", "en-GB")?;
    session.insert("token", "q0Z4mXb2nUe8rTtW6yLp1sVdKc9gHfJa3iBoNxQwEzR")?;
    // The counter has the same number of digits in all runs.
    session.insert("count", 1_000_000)?;
    Ok(())
}

fn read(session: &Session) -> anyhow::Result<()> {
    let count: Option<u64> = session.get("count")?;
    black_box(count.context("the session was not found")?);
    Ok(())
}

fn change(session: &Session) -> anyhow::Result<()> {
    session.update_or("count", 1, |count: u64| count + 1)?;
    read(session)
}

fn record() -> anyhow::Result<Record> {
    let mut record = Record::new(now());
    for name in ["user", "language", "token", "count"] {
        record.state.insert(name, "q0Z4mXb2nUe8rTtW6yLp1sVd")?;
    }
    Ok(record)
}

/// The part of the cookie that a browser sends.
fn pair(set_cookie: &SetCookie) -> String {
    let text = set_cookie.as_str();
    text.split(';').next().unwrap_or(text).to_owned()
}
