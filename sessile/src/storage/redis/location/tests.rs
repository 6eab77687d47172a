use super::*;

fn host(name: &str, port: u16) -> Host {
    let name = name.to_owned();
    Host { name, port }
}

fn one(name: &str, port: u16) -> Servers {
    Servers::One(Endpoint::Tcp(host(name, port)))
}

fn parse(address: &str) -> Location {
    match Location::parse(address) {
        Ok(location) => location,
        Err(error) => panic!("{address}: {error}"),
    }
}

#[test]
fn one_server() {
    for (address, servers) in [
        ("redis://localhost", one("localhost", 6379)),
        ("redis://127.0.0.1:7000/", one("127.0.0.1", 7000)),
        ("127.0.0.1:6379", one("127.0.0.1", 6379)),
        ("redis.internal", one("redis.internal", 6379)),
        ("REDIS://h:1", one("h", 1)),
        ("valkey://h:1", one("h", 1)),
        ("redis://h?protocol=resp3", one("h", 6379)),
        ("redis://[::1]:7000", one("::1", 7000)),
        ("redis://[::1]", one("::1", 6379)),
    ] {
        let location = parse(address);
        assert_eq!(location.servers, servers, "{address}");
        assert!(
            !location.tls
                && location.database == 0
                && location.credentials == Credentials::default()
        );
    }
    assert!(parse("rediss://h").tls);
    assert!(parse("valkeys://h").tls);
}

#[test]
fn credentials_and_database() {
    let location = parse("redis://us%20er:p:/%40%23?w@h:1/3");
    assert_eq!(location.credentials.username.as_deref(), Some("us er"));
    assert_eq!(location.credentials.password.as_deref(), Some("p:/@#?w"));
    assert_eq!((location.servers, location.database), (one("h", 1), 3));
    let location = parse("redis://:secret@h");
    assert_eq!(location.credentials, Credentials::password("secret"));
    let location = parse("redis://app@h");
    assert_eq!(location.credentials.username.as_deref(), Some("app"));
    assert_eq!(location.credentials.password, None);
}

#[test]
fn connections_have_a_name() {
    for (address, name) in [
        ("redis://h", "sessile"),
        ("h?client_name=web-1", "web-1"),
        ("redis+cluster://a,b?client_name=web%2D2", "web-2"),
        ("redis+sentinel://a/m?sentinel_user=u&client_name=c", "c"),
        ("redis+unix:/run/redis.sock?db=1&client_name=d", "d"),
    ] {
        assert_eq!(parse(address).client_name, name, "{address}");
    }
    for name in ["", "a%20b", "a%0Ab", "%C3%A4"] {
        let address = format!("redis://h?client_name={name}");
        let error = Location::parse(&address).err();
        assert_eq!(error, Some(AddressError::ClientName), "{address}");
    }
}

#[test]
fn sockets() {
    let socket = Servers::One(Endpoint::Socket("/run/redis.sock".into()));
    for address in [
        "unix:///run/redis.sock?db=2&user=u&pass=p%20w",
        "unix:/run/redis.sock?db=2&user=u&pass=p%20w",
        "redis+unix:///run/redis.sock?db=2&user=u&pass=p%20w",
        "redis+unix:/run/redis.sock?db=2&user=u&pass=p%20w",
        "valkey+unix:/run/redis.sock?db=2&user=u&pass=p%20w",
    ] {
        let location = parse(address);
        assert_eq!((location.servers, location.database), (socket.clone(), 2));
        assert_eq!(location.credentials.username.as_deref(), Some("u"));
        assert_eq!(location.credentials.password.as_deref(), Some("p w"));
    }
}

#[test]
fn many_servers() {
    let location = parse("redis+cluster://a:1,b,[::1]:3");
    let hosts = vec![host("a", 1), host("b", 6379), host("::1", 3)];
    assert_eq!(location.servers, Servers::Cluster(hosts));
    let location = parse("rediss+sentinel://u:p@a:1,b/my-master/4");
    let hosts = vec![host("a", 1), host("b", 26379)];
    let master = "my-master".to_owned();
    assert_eq!(location.servers, Servers::Sentinels { hosts, master });
    assert!(location.tls && location.database == 4);
    assert_eq!(location.sentinel_credentials, Credentials::default());
}

#[test]
fn sentinels_have_credentials_of_their_own() {
    let location = parse("redis+sentinel://u:p@a/m/4?sentinel_user=watch&sentinel_pass=%3Fs%26%23");
    assert_eq!(location.credentials, Credentials::new("u", "p"));
    let sentinels = Credentials::new("watch", "?s&#");
    assert_eq!(location.sentinel_credentials, sentinels);
    assert_eq!(location.database, 4);
}

#[test]
fn redirects_may_leave_the_name_out() {
    let node = host("a", 1);
    assert_eq!(node.redirected("b:2"), Ok(host("b", 2)));
    assert_eq!(node.redirected(":2"), Ok(host("a", 2)));
    assert_eq!(node.redirected("::1:2"), Ok(host("::1", 2)));
    assert!(node.redirected("?:2").is_err());
}

#[test]
fn other_addresses_are_refused() {
    for (address, error) in [
        ("", AddressError::Host),
        ("redis://", AddressError::Host),
        ("redis://:6379", AddressError::Host),
        ("redis://a b", AddressError::Host),
        ("http://localhost", AddressError::Scheme),
        ("redis+tls://localhost", AddressError::Scheme),
        ("redissl://localhost", AddressError::Scheme),
        ("valkey+tls://localhost", AddressError::Scheme),
        ("redis://a:b:1", AddressError::Host),
        ("redis://h:0", AddressError::Port),
        ("redis://h:65536", AddressError::Port),
        ("redis://h:port", AddressError::Port),
        ("redis://[::1]7", AddressError::Port),
        ("redis://a,b", AddressError::SeveralHosts),
        ("redis://h/x", AddressError::Database),
        ("redis://h/-1", AddressError::Database),
        ("redis://h/1/2", AddressError::Database),
        ("redis+cluster://a,b/1", AddressError::DatabaseOfCluster),
        ("redis+cluster://a,,b", AddressError::Host),
        ("redis+sentinel://a", AddressError::MasterName),
        ("redis+sentinel://a/", AddressError::MasterName),
        ("unix:", AddressError::SocketPath),
        ("unix://relative", AddressError::SocketPath),
        ("unix:/s?timeout=1", AddressError::Extra),
        ("redis://h?db=1", AddressError::Extra),
        ("redis://h?protocol=4", AddressError::Extra),
        ("redis://h?sentinel_user=u", AddressError::Extra),
        ("redis+sentinel://a/m?sentinel_user", AddressError::Extra),
        (
            "redis+sentinel://a/m?sentinel_password=p",
            AddressError::Extra,
        ),
        ("rediss://h#insecure", AddressError::Extra),
        ("redis://%ff@h", AddressError::Credentials),
    ] {
        assert_eq!(Location::parse(address).err(), Some(error), "{address}");
    }
}

#[test]
fn errors_quote_nothing() {
    let error = Location::parse("redis://user:hunter2@h:port").err();
    assert!(!format!("{error:?}").contains("hunter2"));
}
