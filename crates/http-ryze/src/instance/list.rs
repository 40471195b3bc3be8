use actix_web::{Responder, get, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_application::instances::Wanted;
use wharf_domain::{
    Error, Resource, Result as DomainResult, instance::InstanceName, token::Principal,
};
use wharf_wire::instance::ListedInstanceView;

use crate::{
    access::AnyToken,
    error::{ApiError, During, Operation, Refusals},
    query::Asked,
};

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// A name, or several with commas between them. Unknown names among several are passed over.
    #[param(example = "sales,support")]
    instance_name: Option<String>,
}

/// The instances the token may see.
#[derive(Serialize, ToSchema)]
struct ListAnswer {
    /// Always true.
    success: bool,
    /// How many there are, in words.
    #[schema(example = "2 Instances found")]
    message: String,
    instances: Vec<ListedInstanceView>,
    meta: ListMeta,
}

/// About the list.
#[derive(Serialize, ToSchema)]
struct ListMeta {
    /// How many instances there are in it.
    total: usize,
}

impl ListAnswer {
    fn new(instances: Vec<ListedInstanceView>) -> Self {
        let total = instances.len();
        let noun = if total == 1 { "Instance" } else { "Instances" };
        let message = format!("{total} {noun} found");
        Self { success: true, message, instances, meta: ListMeta { total } }
    }
}

/// The instances asked for. A name no instance can have is unknown like any other.
fn wanted(query: &ListQuery) -> DomainResult<Wanted> {
    let asked = query.instance_name.as_deref().unwrap_or_default().split(',').map(str::trim);
    let asked: Vec<_> = asked.filter(|name| !name.is_empty()).collect();
    match asked[..] {
        [] => Ok(Wanted::All),
        [name] => InstanceName::parse(name)
            .map(Wanted::One)
            .map_err(|_| Error::NotFound(Resource::Instance)),
        _ => Ok(Wanted::Several(
            asked.iter().filter_map(|name| InstanceName::parse(*name).ok()).collect(),
        )),
    }
}

/// List instances
///
/// All instances of the account, or of an instance's token that instance alone, whatever names are asked for.
#[utoipa::path(
    tag = "Instances",
    operation_id = "listInstances",
    security(("token" = []), ("bearer" = [])),
    params(ListQuery),
    responses((status = OK, description = "Found", body = ListAnswer), Refusals),
)]
#[get("/api/instance/list")]
pub(super) async fn list(
    caller: AnyToken,
    Asked(query): Asked<ListQuery>,
) -> Result<impl Responder, ApiError> {
    let wanted = match caller.principal {
        Principal::Account(_) => wanted(&query).during(Operation::ListInstances)?,
        Principal::Instance { .. } => Wanted::All,
    };
    let found = caller.services.instances.list(caller.principal, &wanted).await;
    let found = found.during(Operation::ListInstances)?;
    let views = found.iter().map(|found| {
        let webhook = found.webhook.as_ref();
        ListedInstanceView::new(&found.instance, found.state, found.is_online, webhook)
    });
    Ok(Json(ListAnswer::new(views.collect())))
}
