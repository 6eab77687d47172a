use super::*;

const GRACE: Duration = Duration::from_secs(30);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(seconds * 1000)
}

fn digest(byte: u8) -> SecretDigest {
    Secret::from_bytes([byte; 16]).digest()
}

fn with(step: RotationStep) -> Secrets {
    Secrets {
        current: digest(1),
        previous: Some(Arc::new(Previous {
            digest: digest(2),
            epoch: Epoch::generate(),
            replaced_at: at(100),
        })),
        rotation: Some(Arc::new(Rotation {
            since: at(100),
            step,
        })),
    }
}

fn pending() -> RotationStep {
    RotationStep::Pending {
        digest: digest(3),
        nonce: [0; 16],
    }
}

fn promoted() -> RotationStep {
    RotationStep::Promoted {
        former: digest(3),
        nonce: [0; 16],
    }
}

fn renewed() -> RotationStep {
    RotationStep::Renewed { stale: digest(3) }
}

#[test]
fn each_secret_allows_what_it_should() {
    use Presented::{Current, Former, Pending, Stale, Unknown};
    for (step, presented, now, worth) in [
        (RotationStep::Done, 1, 100, Current),
        (RotationStep::Done, 1, 9999, Current),
        (RotationStep::Done, 2, 100, Stale),
        (RotationStep::Done, 2, 129, Stale),
        (RotationStep::Done, 2, 130, Unknown),
        // A clock that runs behind the one that renewed.
        (RotationStep::Done, 2, 10, Stale),
        (RotationStep::Done, 3, 100, Unknown),
        (pending(), 1, 9999, Current),
        (pending(), 3, 9999, Pending),
        (pending(), 4, 100, Unknown),
        (promoted(), 1, 9999, Current),
        (promoted(), 3, 9999, Former),
        (promoted(), 4, 100, Unknown),
        (renewed(), 1, 9999, Current),
        (renewed(), 2, 129, Stale),
        (renewed(), 3, 129, Stale),
        (renewed(), 3, 130, Unknown),
    ] {
        let judged = with(step).judge(&digest(presented), at(now), GRACE);
        assert_eq!(judged, worth, "{step:?} {presented} at {now}");
    }
}

#[test]
fn after_a_renewal_one_secret_opens_the_session() {
    use Presented::{Current, Stale, Unknown};
    for (step, third) in [
        (RotationStep::Done, Unknown),
        (pending(), Stale),
        (promoted(), Stale),
        (renewed(), Unknown),
    ] {
        let mut record = Record::new(at(0));
        record.secrets = Some(with(step));
        let epoch = Epoch::generate();
        record.renew(&Secret::from_bytes([9; 16]), epoch, at(200));
        let secrets = record.secrets.unwrap();
        assert_eq!(record.epoch, epoch);
        for (presented, worth) in [(9, Current), (1, Stale), (2, Unknown), (3, third)] {
            let judged = secrets.judge(&digest(presented), at(200), GRACE);
            assert_eq!(judged, worth, "{step:?} {presented}");
        }
    }
}

#[test]
fn the_epoch_before_a_renewal_is_remembered_for_the_grace_period() {
    let mut record = Record::new(at(0));
    record.secrets = Some(with(RotationStep::Done));
    let (first, second) = (Epoch::generate(), Epoch::generate());
    record.epoch = first;
    record.renew(&Secret::from_bytes([8; 16]), second, at(200));
    assert_eq!(record.previous_epoch(at(229), GRACE), Some(first));
    assert_eq!(record.previous_epoch(at(230), GRACE), None);
    record.renew(&Secret::from_bytes([9; 16]), Epoch::generate(), at(210));
    assert_eq!(record.previous_epoch(at(229), GRACE), Some(second));
}

#[test]
fn secrets_that_repeat_contradict_each_other() {
    let changed = |change: fn(&mut Secrets)| {
        let mut secrets = with(pending());
        change(&mut secrets);
        secrets.check().err()
    };
    let contradiction = Some(DecodeError::Secrets);
    assert_eq!(changed(|_| {}), None);
    assert_eq!(changed(|it| it.current = digest(2)), contradiction);
    assert_eq!(changed(|it| it.current = digest(3)), contradiction);
    let previous = |it: &mut Secrets| {
        if let Some(previous) = &mut it.previous {
            Arc::make_mut(previous).digest = digest(3);
        }
    };
    assert_eq!(changed(previous), contradiction);
}
