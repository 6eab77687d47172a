//! Sessions that are there before the first request.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    time::Duration,
};

use actix_web::cookie::{Cookie, CookieJar};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sessile::{
    Clock as _, Record, SystemClock,
    storage::{SessionKey, SessionStore},
};

use super::{CONTENT, COUNT};
use crate::cli::Serve;

/// How many sessions are being stored at once.
const AT_ONCE: usize = 64;

/// How many cookies are written down, at most: enough that no cache of a processor holds what they lead to.
const COOKIES: u64 = 200_000;

const ONE_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Stores as many sessions as the command line says.
pub(super) async fn prefill<S: SessionStore>(store: &S, options: &Serve) -> anyhow::Result<()> {
    let every = options.prefill.div_ceil(COOKIES).max(1);
    let cookies = options.cookies.as_ref();
    let mut file = cookies.map(File::create).transpose()?.map(BufWriter::new);
    let mut number = 0;
    let mut keys = std::pin::pin!(create(store, options.prefill));
    while let Some(key) = keys.try_next().await? {
        if let Some(file) = &mut file
            && number % every == 0
        {
            writeln!(file, "{}", sealed(&key))?;
        }
        number += 1;
    }
    if let Some(file) = &mut file {
        file.flush()?;
    }
    Ok(())
}

fn create<S: SessionStore>(
    store: &S,
    number: u64,
) -> impl futures_util::Stream<Item = anyhow::Result<SessionKey>> {
    stream::iter(0..number)
        .map(move |_| async move { Ok(store.create(&record()?, ONE_DAY).await?.key) })
        .buffer_unordered(AT_ONCE)
}

/// What the handler at `/begin` would store: made anew for each session, so that none shares its content
/// with another.
fn record() -> anyhow::Result<Record> {
    let mut record = Record::new(SystemClock.now());
    for &(name, value) in CONTENT {
        record.state.insert(name, value)?;
    }
    record.state.insert(COUNT, &0)?;
    Ok(record)
}

/// The cookie that leads to a session: sealed as the middleware does it, which is what a private jar does.
fn sealed(key: &SessionKey) -> String {
    let mut jar = CookieJar::new();
    jar.private_mut(&super::key())
        .add(Cookie::new("id", key.as_ref().to_owned()));
    jar.get("id").map(ToString::to_string).unwrap_or_default()
}
