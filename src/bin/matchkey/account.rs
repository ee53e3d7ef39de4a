//! `matchkey account` and `matchkey key`: who may use the service.
//!
//! In: a data folder, whether a service runs in it or not. Out: accounts and keys, shown as text or
//! JSON. A key's secret is shown once, when it is made.

use crate::failure::Failure;
use crate::serve::{DATA, failure, platforms};
use clap::{Args, Subcommand};
use matchkey::audience::store::{Account, ApiKey, Scope};
use matchkey::audience::{AccountId, Accounts, KeyId};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;

/// What to do with accounts.
#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Adds an account, with a key that may do everything
    Add {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        processing: Processing,
    },
    /// Changes how an account's lists are processed
    Set {
        #[command(flatten)]
        data: Data,
        /// The account
        #[arg(value_name = "ACCOUNT_ID")]
        account: AccountId,
        #[command(flatten)]
        processing: Processing,
    },
    /// Lists accounts and their keys
    List {
        #[command(flatten)]
        data: Data,
    },
}

/// What to do with keys.
#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Adds a key to an account
    Add {
        #[command(flatten)]
        data: Data,
        /// The account
        #[arg(long, value_name = "ACCOUNT_ID")]
        account: AccountId,
        /// What it may do
        #[arg(
            long,
            value_name = "SCOPE[,SCOPE]",
            value_delimiter = ',',
            default_value = "audience:basic:read,audience:update"
        )]
        scope: Vec<Scope>,
    },
    /// Ends a key, within a second
    Revoke {
        #[command(flatten)]
        data: Data,
        /// The key's id: key_...
        #[arg(value_name = "KEY_ID")]
        key: KeyId,
    },
}

/// Where, and how to show it.
#[derive(Args)]
pub(crate) struct Data {
    /// The service's folder
    #[arg(long, value_name = "DIR", env = "MATCHKEY_DATA", default_value = DATA)]
    data: PathBuf,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// How lists are processed, where an account differs from the service.
#[derive(Args)]
pub(crate) struct Processing {
    /// Country of rows that name none
    #[arg(long, value_name = "CC")]
    country: Option<String>,
    /// Platforms to make keys for
    #[arg(long, value_name = "P[,P...]", value_delimiter = ',')]
    platform: Option<Vec<String>>,
}

impl Data {
    fn accounts(&self) -> Result<Accounts, Failure> {
        Accounts::open(&self.data).map_err(|error| failure(&error))
    }

    fn print(&self, value: &Value, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        let written = match self.json {
            true => writeln!(out, "{value}"),
            false => writeln!(out, "{text}"),
        };
        written.map_err(|error| Failure::writing("standard output", &error))
    }
}

/// Runs `matchkey account`.
pub(crate) fn account(command: &AccountCommand) -> Result<(), Failure> {
    match command {
        AccountCommand::Add { data, processing } => {
            let chosen = processing.platform.as_deref().map(platforms).transpose()?;
            let added = data.accounts()?.add(processing.country.clone(), chosen);
            let (account, key) = added.map_err(|error| failure(&error))?;
            let (id, key) = (account.id.as_str(), key.expose());
            let value = json!({"account_id": id, "api_key": key});
            data.print(&value, &format!("account {id}\napi key {key} (shown this once)"))
        }
        AccountCommand::Set { data, account, processing } => {
            let chosen = processing.platform.as_deref().map(platforms).transpose()?;
            let set = data.accounts()?.set(account, processing.country.clone(), chosen);
            match set.map_err(|error| failure(&error))? {
                true => data.print(&json!({"account_id": account.as_str()}), "done"),
                false => Err(Failure::Refused(format!("{account}: no such account"))),
            }
        }
        AccountCommand::List { data } => {
            let all = data.accounts()?.all().map_err(|error| failure(&error))?;
            let value: Value = all.iter().map(|(account, keys)| shown(account, keys)).collect();
            let lines: Vec<String> = all
                .iter()
                .flat_map(|(account, keys)| {
                    let keys = keys.iter().map(|key| format!("  {} {}", key.id, scopes(key)));
                    std::iter::once(account.id.to_string()).chain(keys)
                })
                .collect();
            data.print(&value, &lines.join("\n"))
        }
    }
}

/// Runs `matchkey key`.
pub(crate) fn key(command: &KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Add { data, account, scope } => {
            let added = data.accounts()?.add_key(account, scope.clone());
            let Some((key, secret)) = added.map_err(|error| failure(&error))? else {
                return Err(Failure::Refused(format!("{account}: no such account")));
            };
            let secret = secret.expose();
            let value = json!({
                "key_id": key.id.as_str(),
                "account_id": account.as_str(),
                "api_key": secret,
                "scopes": key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
            });
            let text =
                format!("key {} ({})\napi key {secret} (shown this once)", key.id, scopes(&key));
            data.print(&value, &text)
        }
        KeyCommand::Revoke { data, key } => {
            match data.accounts()?.revoke_key(key).map_err(|error| failure(&error))? {
                true => data.print(&json!({"key_id": key.as_str(), "revoked": true}), "revoked"),
                false => Err(Failure::Refused(format!("{key}: no such key"))),
            }
        }
    }
}

fn shown(account: &Account, keys: &[ApiKey]) -> Value {
    let platforms = account.platforms.as_ref();
    json!({
        "account_id": account.id.as_str(),
        "country": account.country,
        "platforms": platforms.map(|all| all.iter().map(|one| one.name()).collect::<Vec<_>>()),
        "keys": keys.iter().map(|key| json!({
            "key_id": key.id.as_str(),
            "scopes": key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

fn scopes(key: &ApiKey) -> String {
    key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(",")
}
