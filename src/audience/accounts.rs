//! Accounts and their API keys.
//!
//! In: a data folder, whether a service runs in it or not; secrets as callers send them. Out:
//! [`Accounts`]; for a secret that is right, [`Caller`]. A key is `apik_`, its id, its secret; only
//! the SHA-256 of the secret is kept, and compared in constant time.

use super::error::Error;
use super::folder::Folder;
use super::id::{AccountId, KeyId, random_text};
use super::import::Clock;
use super::store::sqlite::Sqlite;
use super::store::{Account, ApiKey, Scope, Store};
use crate::normalize::Country;
use crate::{Engine, Options, Platform};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const PREFIX: &str = "apik_";

/// 190 bits.
const SECRET_CHARS: usize = 32;

/// An API key as its owner has it. Shown once.
pub struct ApiSecret(Zeroizing<String>);

impl ApiSecret {
    /// The text. Whoever has it can use the account.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiSecret")
    }
}

/// Who asks, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The key.
    pub key: KeyId,
    /// The account.
    pub account: AccountId,
    /// What the key may do.
    pub scopes: Vec<Scope>,
}

/// Accounts in a data folder.
pub struct Accounts {
    store: Arc<dyn Store>,
    clock: Clock,
}

impl Accounts {
    /// The accounts of a data folder, beside a service that may be running in it.
    ///
    /// # Errors
    ///
    /// If the folder or its store cannot be opened.
    pub fn open(folder: &Path) -> Result<Accounts, Error> {
        let folder = Folder::open(folder)?;
        let store = Arc::new(Sqlite::open(&folder.database())?);
        Ok(Accounts::new(store, Arc::new(|| jiff::Timestamp::now().as_millisecond())))
    }

    pub(crate) fn new(store: Arc<dyn Store>, clock: Clock) -> Accounts {
        Accounts { store, clock }
    }

    /// Adds an account with a key that may do everything. A country and platforms of its own go
    /// before the service's.
    ///
    /// # Errors
    ///
    /// If the country is unknown, or the store fails.
    pub fn add(
        &self,
        country: Option<String>,
        platforms: Option<Vec<Platform>>,
    ) -> Result<(Account, ApiSecret), Error> {
        check(country.as_deref(), platforms.as_deref())?;
        let created = (self.clock)();
        let account = Account { id: AccountId::random()?, country, platforms, created };
        let (key, secret) = self.new_key(&account.id, Scope::ALL.to_vec())?;
        self.store.add_account(&account, &key)?;
        Ok((account, secret))
    }

    /// Changes an account's country and platforms, those that are given; false if there is no such
    /// account.
    ///
    /// # Errors
    ///
    /// As [`Accounts::add`].
    pub fn set(
        &self,
        id: &AccountId,
        country: Option<String>,
        platforms: Option<Vec<Platform>>,
    ) -> Result<bool, Error> {
        check(country.as_deref(), platforms.as_deref())?;
        let Some(mut account) = self.store.account(id)? else { return Ok(false) };
        account.country = country.or(account.country);
        account.platforms = platforms.or(account.platforms);
        Ok(self.store.set_account(&account)?)
    }

    /// Every account, with its keys.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn all(&self) -> Result<Vec<(Account, Vec<ApiKey>)>, Error> {
        Ok(self.store.accounts()?)
    }

    /// Adds a key to an account; `None` if there is no such account.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn add_key(
        &self,
        account: &AccountId,
        scopes: Vec<Scope>,
    ) -> Result<Option<(ApiKey, ApiSecret)>, Error> {
        let (key, secret) = self.new_key(account, scopes)?;
        Ok(self.store.add_key(&key)?.then_some((key, secret)))
    }

    /// Ends a key; false if there is no such key.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn revoke_key(&self, id: &KeyId) -> Result<bool, Error> {
        Ok(self.store.revoke_key(id)?)
    }

    fn new_key(
        &self,
        account: &AccountId,
        scopes: Vec<Scope>,
    ) -> Result<(ApiKey, ApiSecret), Error> {
        let id = KeyId::random()?;
        let secret = Zeroizing::new(random_text(SECRET_CHARS)?);
        let tail = id.as_str().trim_start_matches("key_");
        let text = Zeroizing::new(format!("{PREFIX}{tail}_{}", *secret));
        let key = ApiKey {
            id,
            account: account.clone(),
            secret_sha256: Sha256::digest(secret.as_bytes()).into(),
            scopes,
            created: (self.clock)(),
        };
        Ok((key, ApiSecret(text)))
    }

    /// Who has this key; `None` if nobody has.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn caller(&self, text: &str) -> Result<Option<Caller>, Error> {
        let parts = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
        let Some((tail, secret)) = parts else { return Ok(None) };
        let Ok(id) = format!("key_{tail}").parse::<KeyId>() else { return Ok(None) };
        let known = self.store.key(&id)?;
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let expected = known.as_ref().map_or([0; 32], |key| key.secret_sha256);
        let is_right = bool::from(digest.ct_eq(&expected));
        let caller = |key: ApiKey| Caller { key: key.id, account: key.account, scopes: key.scopes };
        Ok(known.filter(|_| is_right).map(caller))
    }
}

/// Settings that an engine could not meet are refused here.
fn check(country: Option<&str>, platforms: Option<&[Platform]>) -> Result<(), Error> {
    if country.is_some_and(|country| Country::parse(country).is_none()) {
        let text = "the country is unknown; use a code such as US";
        return Err(Error::Settings(text.to_owned()));
    }
    if let Some(platforms) = platforms {
        let options = Options::new().threads(1).platforms(platforms.iter().copied());
        Engine::new(options).map_err(|error| Error::Settings(error.to_string()))?;
    }
    Ok(())
}
