//! Links that open a page for a while: `<expiry>.<signature>`, where the expiry is in seconds since
//! the epoch and the signature is its HMAC-SHA-256 (RFC 2104) in base64url.
//!
//! Whoever has the secret makes links; whoever has a link can use it until it expires, and make no
//! other from it.
//!
//! ```
//! use shopflow_core::signed_link::{sign, verify};
//!
//! let secret = "0123456789abcdef0123456789abcdef";
//! let token = sign(secret, 1_768_478_400)?;
//! assert_eq!(verify(secret, &token, 1_768_474_800)?, 1_768_478_400);
//! assert!(verify(secret, &token, 1_768_478_400).is_err());
//! # Ok::<(), shopflow_core::Error>(())
//! ```

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::{Error, ErrorKind, Result, ResultExt};

/// The shortest secret, in bytes: as long as the signature.
pub const SHORTEST_SECRET: usize = 32;

/// The longest time for which a link is good, in seconds: a day. One that claims more is refused,
/// as is one whose expiry is in milliseconds.
pub const LONGEST_SECONDS: i64 = 24 * 60 * 60;

/// How far the clocks of who makes a link and who checks it may be apart, in seconds.
const CLOCKS_APART: i64 = 5 * 60;

/// What the signature is of, before the expiry: no signature made for something else fits.
const PURPOSE: &str = "shopflow-dashboard:";

/// The token of a link that is good until `expiry`, in seconds since the epoch.
///
/// # Errors
/// `InvalidInput` when the secret has less than [`SHORTEST_SECRET`] bytes.
pub fn sign(secret: &str, expiry: i64) -> Result<String> {
    let signature = signature(secret, expiry)?.finalize().into_bytes();
    Ok(format!("{expiry}.{}", BASE64.encode(signature)))
}

/// When the link expires, in seconds since the epoch, if it is good at `now`.
///
/// # Errors
/// `InvalidInput` when it was not made with this secret, has expired, or claims to be good for more
/// than [`LONGEST_SECONDS`]; and as [`sign`]. The text tells nothing of the token.
pub fn verify(secret: &str, token: &str, now: i64) -> Result<i64> {
    let refused = || Error::invalid("the link is not good");
    let (expiry_text, signed) = token.split_once('.').ok_or_else(refused)?;
    let expiry: i64 = expiry_text.parse().map_err(|_| refused())?;
    // Another spelling of the same number, such as +5 or 05, is not what was signed.
    if expiry.to_string() != expiry_text {
        return Err(refused());
    }
    let signed = BASE64.decode(signed).map_err(|_| refused())?;
    // Compares in constant time, so that answers do not give the signature away bit by bit.
    signature(secret, expiry)?.verify_slice(&signed).map_err(|_| refused())?;
    if expiry <= now {
        return Err(Error::invalid("the link has expired"));
    }
    if expiry > now.saturating_add(LONGEST_SECONDS + CLOCKS_APART) {
        return Err(Error::invalid("the link is good for too long")
            .with("longest_seconds", LONGEST_SECONDS));
    }
    Ok(expiry)
}

fn signature(secret: &str, expiry: i64) -> Result<Hmac<Sha256>> {
    if secret.len() < SHORTEST_SECRET {
        return Err(Error::invalid("the secret of the links is too short")
            .with("bytes", secret.len())
            .hint(format!("make one with at least {SHORTEST_SECRET} random characters")));
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .or_error(ErrorKind::Internal, "take the secret of the links failed")?;
    mac.update(PURPOSE.as_bytes());
    mac.update(expiry.to_string().as_bytes());
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "a secret of more than thirty-two characters";
    const NOW: i64 = 1_768_474_800;

    #[test]
    fn a_link_is_good_until_it_expires() {
        let token = sign(SECRET, NOW + 60).unwrap();
        assert_eq!(verify(SECRET, &token, NOW).unwrap(), NOW + 60);
        assert_eq!(verify(SECRET, &token, NOW + 59).unwrap(), NOW + 60);
        let error = verify(SECRET, &token, NOW + 60).unwrap_err();
        assert!(error.to_string().contains("expired"), "{error}");
    }

    #[test]
    fn the_signature_is_hmac_sha_256_of_purpose_and_expiry() {
        // printf 'shopflow-dashboard:1768474800' | openssl dgst -sha256 -hmac "$SECRET" -binary | base64
        let token = sign(SECRET, NOW).unwrap();
        assert_eq!(token, "1768474800.0t7ElzDIeCXlDFob-uXiqufNIckYXQpAtX3sOcMO-_E");
    }

    #[test]
    fn a_link_that_claims_to_be_good_for_longer_than_a_day_is_refused() {
        for expiry in [NOW + LONGEST_SECONDS + CLOCKS_APART + 1, NOW * 1000, i64::MAX] {
            let token = sign(SECRET, expiry).unwrap();
            assert!(verify(SECRET, &token, NOW).is_err(), "{expiry}");
        }
        let token = sign(SECRET, NOW + LONGEST_SECONDS).unwrap();
        assert!(verify(SECRET, &token, NOW).is_ok());
        assert!(verify(SECRET, &token, i64::MAX).is_err());
    }

    #[test]
    fn a_link_of_another_secret_is_refused() {
        let other = SECRET.replace("thirty", "forty-");
        let token = sign(&other, NOW + 60).unwrap();
        assert!(verify(SECRET, &token, NOW).is_err());
    }

    #[test]
    fn a_secret_that_is_too_short_makes_no_links_and_opens_none() {
        let token = sign(SECRET, NOW + 60).unwrap();
        for secret in ["", "short", &SECRET[..SHORTEST_SECRET - 1]] {
            assert!(sign(secret, NOW + 60).is_err(), "{secret}");
            assert!(verify(secret, &token, NOW).is_err(), "{secret}");
        }
    }

    #[test]
    fn only_the_spelling_that_was_signed_is_good() {
        let token = sign(SECRET, NOW + 60).unwrap();
        for other in [
            format!("+{token}"),
            format!("0{token}"),
            format!(" {token}"),
            format!("{token} "),
            format!("{token}="),
            token.replace('.', ".."),
            token[..token.len() - 1].to_owned(),
            token.split_once('.').unwrap().0.to_owned(),
            ".".to_owned(),
            String::new(),
        ] {
            assert!(verify(SECRET, &other, NOW).is_err(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_change_of_a_token_is_good(at in 0_usize..54, with in 0x20_u8..0x7f) {
            let token = sign(SECRET, NOW + 60).unwrap();
            let mut changed = token.clone().into_bytes();
            prop_assume!(at < changed.len() && changed[at] != with);
            changed[at] = with;
            let changed = String::from_utf8(changed).unwrap();
            prop_assert!(verify(SECRET, &changed, NOW).is_err(), "{}", changed);
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in ".{0,80}") {
            prop_assert!(verify(SECRET, &text, NOW).is_err());
        }
    }
}
