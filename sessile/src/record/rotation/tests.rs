use std::sync::Arc;

use super::*;

const NONCE: Nonce = [7; 16];

const POLICY: SecretPolicy = SecretPolicy {
    rotation_interval: Some(Duration::from_secs(100)),
    grace: Duration::from_secs(30),
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(seconds * 1000)
}

fn secret(byte: u8) -> Secret {
    Secret::from_bytes([byte; 16])
}

fn digest(byte: u8) -> SecretDigest {
    secret(byte).digest()
}

/// A record that was created at 1000, with the current secret 1.
fn record(rotation: Option<(u64, RotationStep)>) -> Record {
    let mut record = Record::new(at(1000));
    record.secrets = Some(Secrets {
        rotation: rotation.map(|(seconds, step)| {
            let since = at(seconds);
            Arc::new(Rotation { since, step })
        }),
        ..Secrets::new(digest(1))
    });
    record
}

fn pending() -> RotationStep {
    RotationStep::Pending {
        digest: digest(2),
        nonce: NONCE,
    }
}

fn promoted() -> RotationStep {
    RotationStep::Promoted {
        former: digest(3),
        nonce: NONCE,
    }
}

#[test]
fn each_request_does_what_is_due() {
    use RotationDue::{Begin, Finish, Nothing, Promote, Resend};
    let (done, renewed) = (
        RotationStep::Done,
        RotationStep::Renewed { stale: digest(2) },
    );
    for (rotation, presented, now, due) in [
        // Nothing was rotated: the secret counts from the creation.
        (None, 1, 1099, Nothing),
        (None, 1, 1100, Begin),
        (None, 4, 1100, Nothing),
        // A clock that runs behind the one that created the session.
        (None, 1, 10, Nothing),
        (Some((2000, done)), 1, 2099, Nothing),
        (Some((2000, done)), 1, 2100, Begin),
        (Some((2000, renewed)), 1, 2099, Nothing),
        (Some((2000, renewed)), 1, 2100, Begin),
        (Some((2000, renewed)), 2, 2100, Nothing),
        (Some((2000, pending())), 1, 2000, Resend),
        (Some((2000, pending())), 1, 2069, Resend),
        (Some((2000, pending())), 1, 2070, Nothing),
        (Some((2000, pending())), 1, 2099, Nothing),
        (Some((2000, pending())), 1, 2100, Begin),
        (Some((2000, pending())), 2, 2000, Promote),
        (Some((2000, pending())), 2, 9999, Promote),
        (Some((2000, pending())), 4, 2100, Nothing),
        (Some((2000, promoted())), 1, 2029, Nothing),
        (Some((2000, promoted())), 1, 2030, Finish),
        (Some((2000, promoted())), 1, 2099, Finish),
        (Some((2000, promoted())), 1, 2100, Begin),
        (Some((2000, promoted())), 3, 2000, Resend),
        (Some((2000, promoted())), 3, 2069, Resend),
        (Some((2000, promoted())), 3, 2070, Nothing),
        (Some((2000, promoted())), 3, 2100, Begin),
        (Some((2000, promoted())), 4, 2100, Nothing),
    ] {
        let found = POLICY.due(&record(rotation), &secret(presented), at(now));
        assert_eq!(found, due, "{rotation:?} {presented} at {now}");
    }
}

#[test]
fn without_an_interval_a_rotation_only_comes_to_its_end() {
    use RotationDue::{Finish, Nothing, Promote};
    let policy = SecretPolicy {
        rotation_interval: None,
        ..POLICY
    };
    for (rotation, presented, due) in [
        (None, 1, Nothing),
        (Some((2000, RotationStep::Done)), 1, Nothing),
        (Some((2000, pending())), 1, Nothing),
        (Some((2000, pending())), 2, Promote),
        (Some((2000, promoted())), 1, Finish),
        (Some((2000, promoted())), 3, Nothing),
    ] {
        let found = policy.due(&record(rotation), &secret(presented), at(9999));
        assert_eq!(found, due, "{rotation:?} {presented}");
    }
}

#[test]
fn a_rotation_goes_from_step_to_step() {
    let steps = |secrets: &Secrets| {
        let rotation = secrets.rotation.as_deref().unwrap();
        (secrets.current, rotation.since, rotation.step)
    };
    let mut secrets = record(None).secrets.unwrap();
    secrets.begin_rotation(digest(1), digest(2), NONCE, at(2000));
    assert_eq!(steps(&secrets), (digest(1), at(2000), pending()));
    secrets.promote_pending(at(2001));
    let former = RotationStep::Promoted {
        former: digest(1),
        nonce: NONCE,
    };
    assert_eq!(steps(&secrets), (digest(2), at(2001), former));
    // There is no pending secret.
    secrets.promote_pending(at(2002));
    assert_eq!(steps(&secrets), (digest(2), at(2001), former));
    secrets.finish_rotation();
    assert_eq!(steps(&secrets), (digest(2), at(2001), RotationStep::Done));
}

#[test]
fn a_rotation_that_begins_with_the_former_secret_drops_the_other_one() {
    let mut secrets = record(Some((2000, promoted()))).secrets.unwrap();
    secrets.begin_rotation(digest(3), digest(4), NONCE, at(3000));
    for (byte, expected) in [
        (1, crate::record::Presented::Unknown),
        (3, crate::record::Presented::Current),
        (4, crate::record::Presented::Pending),
    ] {
        let judged = secrets.judge(&digest(byte), at(3000), POLICY.grace);
        assert_eq!(judged, expected, "{byte}");
    }
}
