//! An answer as it is kept: as it is in this process, as text in Redis.

use std::any::Any;
use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Whatever can be kept.
pub(crate) trait Keepable: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Keepable for T {}

/// An answer, kept. Clones share it.
#[derive(Clone)]
pub(super) enum Answer {
    Value { value: Arc<dyn Any + Send + Sync>, size: usize },
    Text(Arc<[u8]>),
}

impl Answer {
    /// Kept as it is: whoever asks gets a copy.
    pub(super) fn value(answer: &impl Keepable) -> Result<Self, Error> {
        let mut size = Size(0);
        serde_json::to_writer(&mut size, answer).map_err(unkeepable)?;
        Ok(Self::Value { value: Arc::new(answer.clone()), size: size.0 })
    }

    /// Kept as JSON, for other processes too.
    pub(super) fn text(answer: &impl Keepable) -> Result<Self, Error> {
        Ok(Self::Text(serde_json::to_vec(answer).map_err(unkeepable)?.into()))
    }

    /// None if it is in the words of another version of the program.
    pub(super) fn get<T: Keepable>(&self) -> Option<T> {
        match self {
            Self::Value { value, .. } => value.downcast_ref::<T>().cloned(),
            Self::Text(text) => serde_json::from_slice(text).ok(),
        }
    }

    /// About how many bytes it takes: as many as its text has.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Value { size, .. } => *size,
            Self::Text(text) => text.len(),
        }
    }
}

fn unkeepable(error: serde_json::Error) -> Error {
    Error::Internal(error.to_string())
}

/// Counts what is written.
struct Size(usize);

impl Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_give_back_what_they_keep_and_nothing_of_another_type() {
        let answer = Some(vec!["one".to_owned(), "two".to_owned()]);
        for kept in [Answer::value(&answer).unwrap(), Answer::text(&answer).unwrap()] {
            assert_eq!(kept.size(), r#"["one","two"]"#.len());
            assert_eq!(kept.get::<Option<Vec<String>>>().as_ref(), Some(&answer));
            assert_eq!(kept.get::<i64>(), None);
        }
    }
}
