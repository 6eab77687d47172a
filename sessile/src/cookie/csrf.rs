//! Tokens against cross-site request forgery: a MAC over what identifies a session between two renewals.
//!
//! Each token is masked with a random pad, so that a compressed response does not reveal it through its length (BREACH).

use base64_simd::{Out, URL_SAFE_NO_PAD};
use hmac::Mac as _;
use subtle::{Choice, ConstantTimeEq as _};

use super::{SealingKey, SharedKeys};
use crate::{
    random,
    record::{Epoch, Record, id::SessionId},
};

/// The MAC is truncated to this many bytes.
const MAC_LEN: usize = 16;

/// What a token is bound to.
pub(crate) enum TokenContext {
    Epoch(Epoch),
    /// A session that actix-session made has no epoch of its own until it is renewed.
    Session(SessionId),
}

impl TokenContext {
    /// That of the session with this id and record.
    pub(crate) fn of(id: &SessionId, record: &Record) -> Self {
        match record.epoch.is_initial() {
            true => Self::Session(id.clone()),
            false => Self::Epoch(record.epoch),
        }
    }
}

impl SharedKeys {
    /// A new token: the pad and the masked MAC, in base64.
    pub(crate) fn csrf_token(&self, context: &TokenContext) -> String {
        let mac = self.read().first.csrf_token_mac(context);
        let pad: [u8; MAC_LEN] = random::bytes();
        URL_SAFE_NO_PAD.encode_to_string([pad, xor(pad, mac)].as_flattened())
    }

    /// Whether a key made `token` for one of the `contexts`.
    ///
    /// All keys and contexts are tried, so that the time does not reveal which of them matched.
    pub(crate) fn accepts_csrf_token(&self, token: &str, contexts: &[TokenContext]) -> bool {
        let mut bytes = [0; 2 * MAC_LEN];
        if token.len() != URL_SAFE_NO_PAD.encoded_length(bytes.len()) {
            return false;
        }
        let decoded = URL_SAFE_NO_PAD.decode(token.as_bytes(), Out::from_slice(&mut bytes));
        let Ok((&mut [pad, masked], [])) = decoded.map(|it| it.as_chunks_mut()) else {
            return false;
        };
        let presented = xor(pad, masked);
        let keys = self.read();
        let mut accepted = Choice::from(0);
        for key in keys.iter() {
            for context in contexts {
                accepted |= presented.ct_eq(&key.csrf_token_mac(context));
            }
        }
        accepted.into()
    }
}

impl SealingKey {
    fn csrf_token_mac(&self, context: &TokenContext) -> [u8; MAC_LEN] {
        let mac = self.mac_for(b"csrf");
        let mac = match context {
            TokenContext::Epoch(epoch) => mac.chain_update([0]).chain_update(epoch.to_be_bytes()),
            TokenContext::Session(id) => mac.chain_update([1]).chain_update(id.as_bytes()),
        };
        let mut truncated = [0; MAC_LEN];
        truncated.copy_from_slice(&mac.finalize().into_bytes()[..MAC_LEN]);
        truncated
    }
}

fn xor(pad: [u8; MAC_LEN], bytes: [u8; MAC_LEN]) -> [u8; MAC_LEN] {
    std::array::from_fn(|index| pad[index] ^ bytes[index])
}
