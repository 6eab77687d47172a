//! Sessions that are stored before the first request.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
};

use anyhow::Context as _;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use sessile::{
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager, SetCookie},
    storage::SessionStore,
};

use super::{CONTENT, COUNT};
use crate::cli::Serve;

/// The number of sessions that are stored at the same time.
const AT_ONCE: usize = 64;

/// The maximum number of cookies in the file. Their sessions do not fit in the caches of a
/// processor.
const COOKIES: u64 = 200_000;

/// Stores as many sessions as the command line says.
pub(super) async fn prefill<S: SessionStore + Clone>(
    store: &S,
    options: &Serve,
) -> anyhow::Result<()> {
    let key = SealingKey::try_from(super::key().master())?;
    let manager = SessionManager::new(store.clone(), key, Settings::default())?;
    let every = options.prefill.div_ceil(COOKIES).max(1);
    let cookies = options.cookies.as_ref();
    let mut file = cookies.map(File::create).transpose()?.map(BufWriter::new);
    let mut number = 0;
    let mut created = std::pin::pin!(create(&manager, options.prefill));
    while let Some(cookie) = created.try_next().await? {
        if let Some(file) = &mut file
            && number % every == 0
        {
            writeln!(file, "{}", pair(&cookie))?;
        }
        number += 1;
    }
    if let Some(file) = &mut file {
        file.flush()?;
    }
    Ok(())
}

fn create<S: SessionStore>(
    manager: &SessionManager<S>,
    number: u64,
) -> impl Stream<Item = anyhow::Result<SetCookie>> {
    stream::iter(0..number)
        .map(move |_| begin(manager))
        .buffer_unordered(AT_ONCE)
}

/// Begins a session as a request to `/begin` does.
async fn begin<S: SessionStore>(manager: &SessionManager<S>) -> anyhow::Result<SetCookie> {
    let session = manager.open([]).await?;
    for &(name, value) in CONTENT {
        session.insert(name, value)?;
    }
    session.insert(COUNT, 0)?;
    let head = ResponseHead::to("POST");
    let headers = manager.commit(&session, &head).await?;
    headers.set_cookie.context("a new session has a cookie")
}

/// The part of the cookie that a browser sends.
fn pair(cookie: &SetCookie) -> &str {
    let text = cookie.as_str();
    text.split_once(';').map_or(text, |(pair, _)| pair)
}
