//! Tests of the database guards with real servers: starting, queries, freezing, killing, and full disks.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy recognizes tests by their attribute, but not their helpers

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    thread,
};

use sessile_rig::{
    Error,
    database::{Database, Kind},
    mariadb, postgres,
};

/// Defines each test for each kind of server.
macro_rules! for_each_kind {
    ($($test:ident),+ $(,)?) => {
        mod on_postgres {
            $(#[test] fn $test() { super::$test::<super::postgres::Kind>(); })+
        }
        mod on_mariadb {
            $(#[test] fn $test() { super::$test::<super::mariadb::Kind>(); })+
        }
    };
}

for_each_kind! {
    a_server_starts_empty_and_replies,
    acknowledged_writes_survive_a_kill,
    a_server_killed_while_busy_leaves_no_process_and_restarts_repeatedly,
    a_frozen_server_accepts_no_login_until_it_continues,
    two_servers_share_nothing,
    a_refused_statement_is_an_error_with_the_server_s_message,
    a_wrong_setting_is_an_error_with_the_server_s_log,
    a_panicking_test_leaves_neither_process_nor_folder,
}

fn a_server_starts_empty_and_replies<K: Kind>() {
    let server = Database::<K>::start().unwrap();

    let url = format!(
        "{}://sessile:secret@127.0.0.1:{}/sessile",
        K::SCHEME,
        server.port()
    );
    assert_eq!(server.url(), url);
    assert_eq!(
        server.url_as("a", "b"),
        url.replace("sessile:secret", "a:b")
    );
    assert_eq!(
        server.url_on(1),
        url.replace(&server.port().to_string(), "1")
    );
    assert_eq!(
        server.execute("SELECT 1 UNION ALL SELECT 2").unwrap(),
        "1\n2\n"
    );
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_ok());
}

fn acknowledged_writes_survive_a_kill<K: Kind>() {
    let mut server = Database::<K>::start_with(&["max_connections=17"]).unwrap();
    let port = server.port();
    server.execute("CREATE TABLE kept (number int)").unwrap();
    for number in 0..10 {
        server
            .execute(&format!("INSERT INTO kept VALUES ({number})"))
            .unwrap();
    }

    server.kill().unwrap();
    let refusal = server.execute("SELECT 1").unwrap_err();
    assert!(matches!(refusal, Error::Refused { .. }), "{refusal}");
    server.restart().unwrap();

    assert_eq!(server.port(), port);
    assert_eq!(count(&server), 10);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
}

fn a_server_killed_while_busy_leaves_no_process_and_restarts_repeatedly<K: Kind>() {
    let mut server = Database::<K>::start().unwrap();
    server.execute("CREATE TABLE kept (number int)").unwrap();

    for _ in 0..3 {
        let clients: Vec<_> = (0..4)
            .map(|_| unauthenticated_client(server.port()))
            .collect();
        let running = processes_in(server.folder());
        assert!(running.contains(&server.id()));

        server.kill().unwrap();

        assert_eq!(processes_in(server.folder()), Vec::<u32>::new());
        drop(clients);
        server.restart().unwrap();
        server.execute("INSERT INTO kept VALUES (1)").unwrap();
    }
    assert_eq!(count(&server), 3);
}

fn a_frozen_server_accepts_no_login_until_it_continues<K: Kind>() {
    let mut server = Database::<K>::start().unwrap();
    // A connection that was accepted before. Its process is not the first one of the server.
    let _client = unauthenticated_client(server.port());

    server.stop().unwrap();
    for id in processes_in(server.folder()) {
        assert_eq!(state_of(id), Some('T'), "{id}");
    }
    let refusal = server.execute("SELECT 1").unwrap_err();
    assert!(matches!(refusal, Error::Refused { .. }), "{refusal}");
    server.cont().unwrap();

    assert_eq!(server.execute("SELECT 1").unwrap(), "1\n");
}

fn two_servers_share_nothing<K: Kind>() {
    let servers = thread::scope(|scope| {
        [(); 2]
            .map(|()| scope.spawn(|| Database::<K>::start().unwrap()))
            .map(|server| server.join().unwrap())
    });

    servers[0]
        .execute("CREATE TABLE kept (number int)")
        .unwrap();

    assert_ne!(servers[0].port(), servers[1].port());
    assert_eq!(count(&servers[0]), 0);
    assert!(servers[1].execute("SELECT * FROM kept").is_err());
}

fn a_refused_statement_is_an_error_with_the_server_s_message<K: Kind>() {
    let server = Database::<K>::start().unwrap();

    let error = server.execute("SELECT * FROM missing_table").unwrap_err();

    let Error::Refused { reply, .. } = error else {
        panic!("{error}")
    };
    assert!(reply.contains("missing_table"), "{reply}");
}

fn a_wrong_setting_is_an_error_with_the_server_s_log<K: Kind>() {
    let error = Database::<K>::start_with(&["no_such_setting=1"]).unwrap_err();

    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

fn a_panicking_test_leaves_neither_process_nor_folder<K: Kind>() {
    let mut folder = None;

    let panic = catch_unwind(AssertUnwindSafe(|| {
        let server = Database::<K>::start().unwrap();
        folder = Some(server.folder().to_owned());
        panic!("the test fails");
    }));

    assert!(panic.is_err());
    let folder = folder.unwrap();
    assert_eq!(processes_in(&folder), Vec::<u32>::new());
    assert!(!folder.exists());
}

#[test]
fn postgres_leaves_no_shared_memory_behind() {
    let mut server = postgres::Postgres::start().unwrap();
    let file = server.folder().join("data/postmaster.pid");
    let text = fs::read_to_string(file).unwrap();
    let id = text
        .lines()
        .nth(6)
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .to_owned();
    assert!(shared_memory().contains(&id));

    server.kill().unwrap();
    drop(server);

    assert!(!shared_memory().contains(&id));
}

#[test]
fn postgres_refuses_data_while_its_files_are_limited() {
    let mut server = postgres::Postgres::start().unwrap();
    server.execute(TABLE).unwrap();

    server.limit_files(Some(2 << 20)).unwrap();
    let kept = fill(&server);
    server.limit_files(None).unwrap();

    server.execute(&rows()).unwrap();
    assert_eq!(count(&server), kept + ROWS);
}

#[test]
fn mariadb_refuses_data_on_a_small_disk_until_it_is_larger() {
    let mut server = mariadb::MariaDb::start_with(mariadb::SMALL_DISK).unwrap();
    server.execute(TABLE).unwrap();

    let kept = fill(&server);
    server.restart_with(&[mariadb::LARGER_DISK]).unwrap();

    server.execute(&rows()).unwrap();
    assert_eq!(count(&server), kept + ROWS);
}

const TABLE: &str = "CREATE TABLE kept (filler varchar(8000))";

const ROWS: usize = 12;

/// A statement that adds about 100 KB in [`ROWS`] rows.
fn rows() -> String {
    let row = format!("('{}')", noise(8000));
    format!(
        "INSERT INTO kept VALUES {}",
        [row.as_str(); ROWS].join(", ")
    )
}

/// Adds rows until the server refuses a statement, and returns the number of rows.
fn fill<K: Kind>(server: &Database<K>) -> usize {
    let rows = rows();
    let refusal = (0..1000).find_map(|_| server.execute(&rows).err());

    assert!(
        matches!(refusal, Some(Error::Refused { .. })),
        "{refusal:?}"
    );
    let kept = count(server);
    assert_eq!(
        kept % ROWS,
        0,
        "a statement is executed as a whole or not at all"
    );
    kept
}

fn count<K: Kind>(server: &Database<K>) -> usize {
    let count = server.execute("SELECT count(*) FROM kept").unwrap();
    count.trim().parse().unwrap()
}

/// A client that the server has replied to, and that does not log in.
fn unauthenticated_client(port: u16) -> TcpStream {
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // PostgreSQL replies to a request for TLS. MariaDB sends a greeting first.
    client.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    assert_ne!(client.read(&mut [0; 1]).unwrap(), 0);
    client
}

/// The processes whose working directory is in a folder.
fn processes_in(folder: &Path) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_in_folder = |id: &u32| {
        fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    };
    ids.filter(is_in_folder).collect()
}

/// The state of a process as the kernel shows it: `T` is stopped.
fn state_of(id: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.chars().next()
}

/// The ids of all shared-memory segments.
fn shared_memory() -> Vec<String> {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let id = |line: &str| line.split_whitespace().nth(1).map(str::to_owned);
    table.lines().skip(1).filter_map(id).collect()
}

/// Text that a server can't compress.
fn noise(length: usize) -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
    };
    (0..length).map(|_| next()).collect()
}
