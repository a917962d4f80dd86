//! By what totals are broken down.

use rusqlite::{Connection, Result as SqliteResult};
use serde::{Serialize, Serializer};

use super::rollup::HOUR_NS;
use super::words::Words;
use crate::error::{Error, ErrorCode, Result};
use crate::event::CostState;
use crate::moment::format_rfc3339;

macro_rules! axes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $column:literal $in_rollups:literal;)*) => {
        /// By what totals are broken down.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum GroupBy { $($(#[$doc])* $variant),* }

        impl GroupBy {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in options and JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The column of rows that look like rollups.
            pub(super) const fn column(self) -> &'static str {
                match self { $(Self::$variant => $column),* }
            }

            /// Rollups know it. The others are counted from single events, which takes longer.
            pub const fn is_fast(self) -> bool {
                match self { $(Self::$variant => $in_rollups),* }
            }
        }
    };
}

axes! {
    /// The project.
    Project "project" "project" true;
    /// The provider.
    Provider "provider" "provider" true;
    /// The model that answered.
    Model "model" "model" true;
    /// The feature.
    Feature "feature" "feature" true;
    /// Priced, estimated or unpriced.
    State "cost_state" "cost_state" true;
    /// The day in UTC.
    Day "day" "hour / 24" true;
    /// The hour in UTC.
    Hour "hour" "hour" true;
    /// The user.
    User "user" "user" false;
    /// The session.
    Session "session" "session" false;
    /// The run of `llmlab run`.
    RunId "run_id" "run" false;
    /// The environment.
    Environment "environment" "environment" false;
    /// The service.
    Service "service" "service" false;
}

impl GroupBy {
    /// The axis of a name.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`], with the names there are.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.iter().copied().find(|axis| axis.name() == name).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|axis| axis.name()).collect();
            Error::new(ErrorCode::InvalidConfig, format!("cannot group by {name:?}; known are {}", known.join(", ")))
        })
    }
}

/// Where a group lies on each axis; `None` is unknown. In JSON an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key(pub Vec<(GroupBy, Option<String>)>);

impl Key {
    /// Where it lies on this axis; `None` too if the question did not name it.
    ///
    /// ```
    /// use llmlab::ledger::{GroupBy, Key};
    ///
    /// let key = Key(vec![(GroupBy::User, Some("ann".to_owned())), (GroupBy::Feature, None)]);
    /// assert_eq!((key.get(GroupBy::User), key.get(GroupBy::Feature)), (Some("ann"), None));
    /// ```
    pub fn get(&self, axis: GroupBy) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == axis).and_then(|(_, label)| label.as_deref())
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(axis, value)| (axis.name(), value)))
    }
}

/// The text of a value of an axis.
pub(super) fn label(
    connection: &Connection,
    words: &mut Words,
    axis: GroupBy,
    value: i64,
) -> SqliteResult<Option<String>> {
    let time = |hours: i64| format_rfc3339(hours.saturating_mul(HOUR_NS));
    match axis {
        GroupBy::Hour => Ok(Some(time(value))),
        GroupBy::Day => Ok(time(value.saturating_mul(24)).split_once('T').map(|(day, _)| day.to_owned())),
        GroupBy::State => {
            let state = u8::try_from(value).ok().and_then(CostState::from_number);
            Ok(state.map(|state| state.as_str().to_owned()))
        }
        _ => words.text(connection, value),
    }
}
