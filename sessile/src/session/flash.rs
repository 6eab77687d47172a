//! Values for the next request.

use serde::{Serialize, de::DeserializeOwned};

use super::{Session, journal::DetailChanges, logged};
use crate::{
    error::{ReadError, SessionGetError, WriteError},
    record::{Flash, MAX_FLASH_BYTES, json},
};

impl Session {
    /// Stores a value for the next request: for example a message after a redirect.
    ///
    #[doc = include_str!("docs/flash.md")]
    pub fn flash<T: Serialize>(&self, key: &str, value: T) -> Result<(), WriteError> {
        let flash = Flash {
            id: rand::random(),
            key: key.to_owned(),
            text: json::to_text(&value)?.to_string(),
        };
        let mut machine = self.changing();
        machine.check_writable()?;
        let bytes = machine.payload.flash_bytes() + flash.byte_len();
        if bytes > MAX_FLASH_BYTES {
            return Err(WriteError::FlashTooLarge {
                bytes,
                max: MAX_FLASH_BYTES,
            });
        }
        machine.change_details(DetailChanges {
            flashes: vec![flash],
            ..DetailChanges::default()
        })
    }

    /// Takes the values that earlier requests stored for the next one, in the order in which they were stored.
    ///
    #[doc = include_str!("docs/take_flash.md")]
    pub fn take_flash<T: DeserializeOwned>(&self, key: &str) -> Result<Vec<T>, SessionGetError> {
        self.try_take_flash(key)
            .map_err(|source| SessionGetError::new::<T>(key, source))
    }

    fn try_take_flash<T: DeserializeOwned>(&self, key: &str) -> Result<Vec<T>, ReadError> {
        let flashes = {
            let machine = self.reading();
            if !machine.is_loaded() {
                return Err(ReadError::NotLoaded);
            }
            let flashes = machine.payload.details().map_or(&[][..], |it| &it.flashes);
            let of_key = flashes.iter().filter(|flash| flash.key == key);
            of_key.cloned().collect::<Vec<_>>()
        };
        if flashes.is_empty() {
            return Ok(Vec::new());
        }
        let values = flashes.iter().map(|flash| json::parse(&flash.text));
        let values = values.collect::<Result<_, _>>()?;
        let taken = self.changing().change_details(DetailChanges {
            taken_flashes: flashes.iter().map(|flash| flash.id).collect(),
            ..DetailChanges::default()
        });
        // A session that takes no changes still shows them, and the next request does so as well.
        logged("take_flash", taken);
        Ok(values)
    }
}
