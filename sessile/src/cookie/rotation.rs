//! The secrets that a rotation derives.

use hmac::Mac as _;

use super::{SealingKey, SharedKeys};
use crate::record::{Nonce, Secret, SecretDigest, id::SessionId};

impl SharedKeys {
    /// A new secret of the session `id`, derived from `nonce`.
    pub(crate) fn new_secret(&self, id: &SessionId, nonce: &Nonce) -> Secret {
        self.read().first.rotated_secret(id, nonce)
    }

    /// The secret of the session `id` with this `digest` that was derived from `nonce`, if one of our keys derives it.
    pub(crate) fn derived_secret(
        &self,
        id: &SessionId,
        nonce: &Nonce,
        digest: &SecretDigest,
    ) -> Option<Secret> {
        let keys = self.read();
        let mut secrets = keys.iter().map(|key| key.rotated_secret(id, nonce));
        secrets.find(|secret| secret.digest() == *digest)
    }
}

impl SealingKey {
    /// The secret of the session `id` that a rotation derives from `nonce`.
    fn rotated_secret(&self, id: &SessionId, nonce: &Nonce) -> Secret {
        let mac = self.mac_for(b"rotation");
        let mac = mac.chain_update(id.as_bytes()).chain_update(nonce);
        let mut secret = [0; Secret::LEN];
        secret.copy_from_slice(&mac.finalize().into_bytes()[..Secret::LEN]);
        Secret::from_bytes(secret)
    }
}
