//! The API as an OpenAPI 3.1 document. Anything used more than once is a component; limits and names are those of the domain.
//! Operations on runs and flows are described in the modules of their handlers.

pub(crate) mod example;
pub(crate) mod operation;
pub(crate) mod parameter;
pub(crate) mod responses;
mod schema;
pub(crate) mod service_operations;

use utoipa::openapi::{
    Components, Info, License, OpenApi, OpenApiBuilder, OpenApiVersion, Server,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

use crate::routes;

/// The name of the only security scheme.
const BEARER: &str = "bearer";

/// The document as `/openapi.json` serves it, with a line feed at its end.
///
/// ```
/// let document = flowruns_api::openapi_json()?;
/// assert!(document.contains("\"openapi\": \"3.1.0\""));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// [`serde_json::Error`] if the document cannot be serialized.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    let mut json = document().to_pretty_json()?;
    json.push('\n');
    Ok(json)
}

fn document() -> OpenApi {
    let mut info = Info::new("flowruns", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Remembers what every run of every data flow did. Ids may also stand in parentheses, as in `runs('{runId}')`. \
         A client that cannot send PATCH sends it with `POST /$batch`, as an item whose method is PATCH; `X-HTTP-Method-Override` is not supported."
            .to_owned(),
    );
    info.license = Some(License::new("Apache-2.0"));
    let components = responses::add(parameter::add(schema::add(Components::builder())));
    OpenApiBuilder::new()
        .openapi(OpenApiVersion::Version31)
        .info(info)
        .servers(Some([Server::new("/"), Server::new("/beta")]))
        .paths(routes::paths())
        .components(Some(components.security_scheme(BEARER, bearer()).build()))
        .security(Some([SecurityRequirement::new(BEARER, [""; 0])]))
        .build()
}

fn bearer() -> SecurityScheme {
    let description =
        "A JWT of the configured issuer, or of the local key as `flowruns token` mints it.";
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(description));
    SecurityScheme::Http(scheme.build())
}

#[cfg(test)]
mod tests {
    /// A change of the API shows as a change of its document.
    #[test]
    fn the_committed_document_is_the_generated_one() {
        let committed = include_str!("../openapi.json");
        let generated = super::openapi_json().unwrap();
        assert!(
            committed == generated,
            "regenerate it: cargo run -q -p flowruns-server -- openapi > crates/api/openapi.json"
        );
    }

    #[test]
    fn every_reference_leads_to_a_component_and_every_component_is_used() {
        let generated = super::openapi_json().unwrap();
        let document: serde_json::Value = serde_json::from_str(&generated).unwrap();
        for kind in ["schemas", "responses", "parameters", "headers"] {
            for name in document["components"][kind].as_object().unwrap().keys() {
                let reference = format!("\"#/components/{kind}/{name}\"");
                assert!(generated.contains(&reference), "{reference} is not used");
            }
        }
        for reference in generated.split("\"$ref\": \"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
