//! The bytes that arrive on a connection, with or without the delay of a network.

use std::{
    io::{self, Read},
    net::TcpStream,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

/// The maximum number of chunks in flight. When it is reached, the thread that reads the stream waits.
const IN_FLIGHT: usize = 1024;

/// The chunks that arrive on a stream.
pub(super) enum Arrivals<'a> {
    Immediate(&'a TcpStream),
    /// Each chunk with the time at which it is due. A separate thread reads the stream, so the delays of chunks overlap.
    Delayed(Receiver<(Instant, Vec<u8>)>),
}

impl<'a> Arrivals<'a> {
    /// Delivers each chunk `delay` after it arrived.
    pub(super) fn new(stream: &'a TcpStream, delay: Duration) -> io::Result<Self> {
        if delay.is_zero() {
            return Ok(Self::Immediate(stream));
        }
        let stream = stream.try_clone()?;
        let (sender, receiver) = sync_channel(IN_FLIGHT);
        // The thread ends with the stream or with the receiver.
        thread::spawn(move || read_ahead(&stream, delay, &sender));
        Ok(Self::Delayed(receiver))
    }

    /// The next chunk, or `None` at the end of the stream.
    pub(super) fn next(&self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Immediate(stream) => read(stream),
            Self::Delayed(chunks) => Ok(chunks.recv().ok().map(|(due, chunk)| {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                chunk
            })),
        }
    }
}

fn read_ahead(stream: &TcpStream, delay: Duration, chunks: &SyncSender<(Instant, Vec<u8>)>) {
    while let Ok(Some(chunk)) = read(stream) {
        if chunks.send((Instant::now() + delay, chunk)).is_err() {
            return;
        }
    }
}

fn read(mut stream: &TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut chunk = vec![0; 16 * 1024];
    let length = stream.read(&mut chunk)?;
    chunk.truncate(length);
    Ok((length > 0).then_some(chunk))
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, net::TcpListener};

    use super::*;

    const DELAY: Duration = Duration::from_millis(20);

    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (sender, listener.accept().unwrap().0)
    }

    #[test]
    fn a_delayed_chunk_is_late_and_the_end_of_the_stream_follows_it() {
        let (mut sender, stream) = connection();
        let arrivals = Arrivals::new(&stream, DELAY).unwrap();

        let sent = Instant::now();
        sender.write_all(b"chunk").unwrap();
        drop(sender);

        assert_eq!(arrivals.next().unwrap().as_deref(), Some(&b"chunk"[..]));
        assert!(sent.elapsed() >= DELAY);
        assert_eq!(arrivals.next().unwrap(), None);
    }

    #[test]
    fn chunks_in_flight_are_delayed_at_the_same_time() {
        const LONG: Duration = Duration::from_secs(60);
        let (mut sender, stream) = connection();
        let Arrivals::Delayed(chunks) = Arrivals::new(&stream, LONG).unwrap() else {
            panic!("there is a delay");
        };
        sender.write_all(b"first").unwrap();
        let (first, _) = chunks.recv().unwrap();
        sender.write_all(b"second").unwrap();
        let (second, _) = chunks.recv().unwrap();
        // A minute later if it waited for the first one.
        assert!(second - first < LONG);
    }

    #[test]
    fn without_a_delay_the_stream_is_read_directly() {
        let (mut sender, stream) = connection();
        let arrivals = Arrivals::new(&stream, Duration::ZERO).unwrap();

        sender.write_all(b"chunk").unwrap();

        assert!(matches!(arrivals, Arrivals::Immediate(_)));
        assert_eq!(arrivals.next().unwrap().as_deref(), Some(&b"chunk"[..]));
    }
}
