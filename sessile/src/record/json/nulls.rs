//! [`has_lossy_null`]: values that become `null` in JSON text and would be read back as other values.

use std::fmt;

use serde::{
    Serialize,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant, Serializer,
    },
};

/// Whether `value` has a part that becomes `null` and would be read back as another value: a number that is not
/// finite, or a `Some` of a `null`.
///
/// It serializes `value` again, so it is called only for a value whose text has a `null`.
pub(super) fn has_lossy_null<T: Serialize + ?Sized>(value: &T) -> bool {
    value.serialize(Check).is_err()
}

/// A serializer without output. `Ok(true)` means that the JSON text of the value is `null`.
#[derive(Clone, Copy)]
struct Check;

/// A part of the value would be lost.
#[derive(Debug)]
struct Lossy;

impl fmt::Display for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of the value would be lost")
    }
}

impl std::error::Error for Lossy {}

impl serde::ser::Error for Lossy {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl Check {
    fn part<T: Serialize + ?Sized>(value: &T) -> Result<(), Lossy> {
        value.serialize(Self).map(drop)
    }

    const fn number(is_finite: bool) -> Result<bool, Lossy> {
        match is_finite {
            true => Ok(false),
            false => Err(Lossy),
        }
    }
}

/// Methods for values that have no parts, and are not `null`.
macro_rules! plain {
    ($($method:ident($type:ty)),+ $(,)?) => {$(
        fn $method(self, _: $type) -> Result<bool, Lossy> {
            Ok(false)
        }
    )+};
}

impl Serializer for Check {
    type Ok = bool;
    type Error = Lossy;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    plain! {
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_i128(i128),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_u128(u128),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
    }

    fn serialize_f32(self, value: f32) -> Result<bool, Lossy> {
        Self::number(value.is_finite())
    }

    fn serialize_f64(self, value: f64) -> Result<bool, Lossy> {
        Self::number(value.is_finite())
    }

    fn serialize_none(self) -> Result<bool, Lossy> {
        Ok(true)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<bool, Lossy> {
        match value.serialize(self)? {
            true => Err(Lossy),
            false => Ok(false),
        }
    }

    fn serialize_unit(self) -> Result<bool, Lossy> {
        Ok(true)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<bool, Lossy> {
        Ok(true)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<bool, Lossy> {
        Ok(false)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<bool, Lossy> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<bool, Lossy> {
        Self::part(value)?;
        Ok(false)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Lossy> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Lossy> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Lossy> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Lossy> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Lossy> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Lossy> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Lossy> {
        Ok(self)
    }
}

/// Traits for the values that consist of others.
macro_rules! parts {
    ($($trait:ident::$method:ident($($name:ty)?)),+ $(,)?) => {$(
        impl $trait for Check {
            type Ok = bool;
            type Error = Lossy;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<(), Lossy> {
                Self::part(value)
            }

            fn end(self) -> Result<bool, Lossy> {
                Ok(false)
            }
        }
    )+};
}

parts! {
    SerializeSeq::serialize_element(),
    SerializeTuple::serialize_element(),
    SerializeTupleStruct::serialize_field(),
    SerializeTupleVariant::serialize_field(),
    SerializeStruct::serialize_field(&'static str),
    SerializeStructVariant::serialize_field(&'static str),
}

impl SerializeMap for Check {
    type Ok = bool;
    type Error = Lossy;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Lossy> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Lossy> {
        Self::part(value)
    }

    fn end(self) -> Result<bool, Lossy> {
        Ok(false)
    }
}
