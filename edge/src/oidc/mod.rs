//! An OpenID provider's documents and tokens. The Admin API takes its access tokens, the portal its ID tokens.

mod document;
mod jwks;
mod token;
mod verified;

pub use document::{CachedDocument, DocumentSource, Fetched};
pub use jwks::{KeyCache, RsaKey};
pub use token::{AnyClaims, IssuerTokens, Token, check_times, names, parse};
pub use verified::VerifiedTokens;
