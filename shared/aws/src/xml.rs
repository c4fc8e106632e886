//! Answers in XML.

use aws_smithy_xml::decode::{ScopedDecoder, XmlDecodeError};

/// Visits every element at `path` below `scope`.
///
/// # Errors
/// The first error of `visit`.
pub fn walk<'i>(
    scope: &mut ScopedDecoder<'i, '_>,
    path: &[&str],
    visit: &mut dyn FnMut(&mut ScopedDecoder<'i, '_>) -> Result<(), XmlDecodeError>,
) -> Result<(), XmlDecodeError> {
    let [name, rest @ ..] = path else { return visit(scope) };
    while let Some(mut element) = scope.next_tag() {
        if element.start_el().matches(name) {
            walk(&mut element, rest, visit)?;
        }
    }
    Ok(())
}
