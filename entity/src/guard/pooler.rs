//! Whether a statement that was prepared is the one that is run.
//!
//! A pooler in transaction mode may give each transaction another connection of the server. Unless it carries prepared statements
//! along, their names then mean nothing there, or what another client of the pooler called so.

use sea_orm::Statement;
use uuid::Uuid;

use crate::connection::{Access, Binding, Lease};
use crate::doctor::Check;
use crate::error::{Error, Keys, MIXED_UP};
use crate::place::Place;

const NAME: &str = "statements";

/// Prepares a statement on each of two connections and runs them again after a pooler, if there is one, has had a chance to
/// exchange what is behind them.
pub(super) async fn statements(place: &Place) -> Result<Check, Error> {
    let texts = [(); 2].map(|()| Uuid::now_v7().to_string());
    let mut wrong = Vec::new();
    for is_reversed in [false, true, false] {
        if !round(place, &texts, is_reversed).await? {
            wrong = vec![MIXED_UP.to_owned()];
        }
    }
    Ok(Check::new(NAME, wrong, "a prepared statement is the one that is run"))
}

async fn round(place: &Place, texts: &[String; 2], is_reversed: bool) -> Result<bool, Error> {
    let mut first = Lease::begin(place, Access::Read, Binding::Nobody).await?;
    let mut second = Lease::begin(place, Access::Read, Binding::Nobody).await?;
    let same = says(&mut first, &texts[0]).await? & says(&mut second, &texts[1]).await?;
    first.roll_back().await;
    second.roll_back().await;
    // Whoever begins first next time gets what a pooler got back last, or what it got back first.
    if is_reversed {
        drop(first);
        drop(second);
    } else {
        drop(second);
        drop(first);
    }
    Ok(same)
}

async fn says(lease: &mut Lease, text: &str) -> Result<bool, Error> {
    let statement = Statement::from_string(lease.backend(), format!("SELECT '{text}'"));
    match lease.rows(statement, Keys::default()).await {
        Ok(rows) => {
            Ok(rows.first().is_some_and(|row| row.try_get_by_index::<String>(0).is_ok_and(|said| said == text)))
        }
        // No such statement, or one of that name already.
        Err(Error::Internal(why)) if ["26000", "42P05"].iter().any(|code| why.contains(code)) => Ok(false),
        Err(error) => Err(error),
    }
}
