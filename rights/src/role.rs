//! Roles and permissions: a permission is an action on a resource, a role is a set of them, and an
//! account's own permissions add to its role's.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The role of an account, on a closed scale. Accounts of the Node services say `user` for viewer
/// and `superadmin` for admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May do everything.
    #[serde(alias = "superadmin")]
    Admin,
    /// Looks after a shop: an analyst who also deletes, and sees accounts and events.
    Manager,
    /// Makes dashboards and reports.
    Analyst,
    /// Sees figures.
    #[serde(alias = "user")]
    Viewer,
}

/// A resource, which can be acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// Figures of the read models.
    Metrics,
    /// Dashboards and their summary.
    Dashboard,
    /// Reports.
    Reports,
    /// Insights.
    Ai,
    /// Accounts.
    Users,
    /// Events on the log, and the quarantine.
    Events,
    /// The service itself.
    System,
}

/// An action on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Make.
    Create,
    /// See.
    Read,
    /// Change.
    Update,
    /// Remove.
    Delete,
    /// Take out as a file.
    Export,
    /// Run.
    Execute,
}

/// Actions on one resource, as accounts keep them beside their role and clients read them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Permission {
    /// The resource.
    pub resource: Resource,
    /// The actions that are allowed on it.
    pub actions: Vec<Action>,
}

/// A set of actions on resources.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rights(u64);

impl Role {
    /// All of them, the mightiest first.
    pub const ALL: [Role; 4] = [Role::Admin, Role::Manager, Role::Analyst, Role::Viewer];

    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Manager => "manager",
            Role::Analyst => "analyst",
            Role::Viewer => "viewer",
        }
    }

    /// The role of that name, old names included.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "admin" | "superadmin" => Some(Role::Admin),
            "manager" => Some(Role::Manager),
            "analyst" => Some(Role::Analyst),
            "viewer" | "user" => Some(Role::Viewer),
            _ => None,
        }
    }

    /// Its rights: the whole table.
    #[must_use]
    pub const fn rights(self) -> Rights {
        use Action::{Create, Delete, Execute, Export, Read, Update};
        use Resource::{Ai, Dashboard, Events, Metrics, Reports, Users};
        let viewer = Rights::NONE.with(Metrics, &[Read]).with(Dashboard, &[Read]).with(Ai, &[Read]);
        let analyst = viewer
            .with(Metrics, &[Export])
            .with(Dashboard, &[Create, Update, Export])
            .with(Reports, &[Create, Read, Update, Export])
            .with(Ai, &[Execute]);
        let manager = analyst
            .with(Dashboard, &[Delete])
            .with(Reports, &[Delete])
            .with(Users, &[Read])
            .with(Events, &[Read]);
        match self {
            Role::Viewer => viewer,
            Role::Analyst => analyst,
            Role::Manager => manager,
            Role::Admin => Rights::ALL,
        }
    }
}

impl Resource {
    /// All of them.
    pub const ALL: [Resource; 7] = [
        Resource::Metrics,
        Resource::Dashboard,
        Resource::Reports,
        Resource::Ai,
        Resource::Users,
        Resource::Events,
        Resource::System,
    ];

    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Resource::Metrics => "metrics",
            Resource::Dashboard => "dashboard",
            Resource::Reports => "reports",
            Resource::Ai => "ai",
            Resource::Users => "users",
            Resource::Events => "events",
            Resource::System => "system",
        }
    }
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 6] = [
        Action::Create,
        Action::Read,
        Action::Update,
        Action::Delete,
        Action::Export,
        Action::Execute,
    ];

    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Read => "read",
            Action::Update => "update",
            Action::Delete => "delete",
            Action::Export => "export",
            Action::Execute => "execute",
        }
    }
}

impl Rights {
    /// Nothing.
    pub const NONE: Rights = Rights(0);
    /// Everything.
    pub const ALL: Rights = Rights((1 << (Resource::ALL.len() * Action::ALL.len())) - 1);

    /// The rights of a role and an account's own permissions together.
    #[must_use]
    pub fn of(role: Role, permissions: &[Permission]) -> Self {
        Rights(role.rights().0 | Rights::listed(permissions).0)
    }

    /// The rights of permissions by themselves.
    #[must_use]
    pub fn listed(permissions: &[Permission]) -> Self {
        permissions.iter().fold(Rights::NONE, |rights, permission| {
            rights.with(permission.resource, &permission.actions)
        })
    }

    /// As permissions: each resource and each action once, always in the same order.
    #[must_use]
    pub fn permissions(self) -> Vec<Permission> {
        let permission = |resource| {
            let allowed = |action: &Action| self.allow(resource, *action);
            Permission { resource, actions: Action::ALL.into_iter().filter(allowed).collect() }
        };
        let all = Resource::ALL.into_iter().map(permission);
        all.filter(|permission| !permission.actions.is_empty()).collect()
    }

    /// Whether all of another set are among them.
    #[must_use]
    pub const fn cover(self, others: Rights) -> bool {
        others.0 & !self.0 == 0
    }

    /// These and some more.
    #[must_use]
    pub const fn with(self, resource: Resource, actions: &[Action]) -> Self {
        let (mut bits, mut index) = (self.0, 0);
        while index < actions.len() {
            bits |= Self::bit(resource, actions[index]);
            index += 1;
        }
        Rights(bits)
    }

    /// Whether an action on a resource is among them.
    #[must_use]
    pub const fn allow(self, resource: Resource, action: Action) -> bool {
        self.0 & Self::bit(resource, action) != 0
    }

    /// The set as a number: the same for the same set.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    const fn bit(resource: Resource, action: Action) -> u64 {
        1 << (resource as usize * Action::ALL.len() + action as usize)
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = Resource::ALL
            .into_iter()
            .flat_map(|resource| Action::ALL.into_iter().map(move |action| (resource, action)));
        let names = all
            .filter(|(resource, action)| self.allow(*resource, *action))
            .map(|(resource, action)| format!("{}:{}", resource.as_str(), action.as_str()));
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles_is_the_written_one() {
        let names = |role: Role| format!("{:?}", role.rights()).replace('"', "");
        assert_eq!(names(Role::Viewer), "{metrics:read, dashboard:read, ai:read}");
        assert_eq!(
            names(Role::Analyst),
            "{metrics:read, metrics:export, dashboard:create, dashboard:read, dashboard:update, \
             dashboard:export, reports:create, reports:read, reports:update, reports:export, \
             ai:read, ai:execute}"
        );
        assert_eq!(
            names(Role::Manager),
            "{metrics:read, metrics:export, dashboard:create, dashboard:read, dashboard:update, \
             dashboard:delete, dashboard:export, reports:create, reports:read, reports:update, \
             reports:delete, reports:export, ai:read, ai:execute, users:read, events:read}"
        );
        let all = Resource::ALL.len() * Action::ALL.len();
        assert_eq!(Role::Admin.rights().bits().count_ones() as usize, all);
    }

    #[test]
    fn permissions_add_to_a_role_and_take_nothing_from_it() {
        let own = [Permission { resource: Resource::Events, actions: vec![Action::Create] }];
        let rights = Rights::of(Role::Viewer, &own);
        assert!(rights.allow(Resource::Events, Action::Create));
        assert!(rights.allow(Resource::Metrics, Action::Read));
        assert!(!rights.allow(Resource::Events, Action::Read));
        assert_eq!(Rights::of(Role::Viewer, &[]), Role::Viewer.rights());
    }

    #[test]
    fn names_are_read_as_they_are_written_and_old_ones_too() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        let read = |name: &str| serde_json::from_value::<Role>(name.into()).ok();
        for (old, role) in [("user", Role::Viewer), ("superadmin", Role::Admin)] {
            assert_eq!((Role::parse(old), read(old)), (Some(role), Some(role)));
        }
        assert_eq!((Role::parse("root"), read("Admin")), (None, None));
        let permission = Permission { resource: Resource::Ai, actions: vec![Action::Execute] };
        let json = serde_json::json!({ "resource": "ai", "actions": ["execute"] });
        assert_eq!(serde_json::to_value(&permission).unwrap(), json);
    }

    #[test]
    fn permissions_in_any_order_and_number_are_the_same_set() {
        let read: Vec<Permission> = serde_json::from_str(
            r#"[{"resource":"users","actions":["update","read","read"]},
                {"resource":"metrics","actions":[]},
                {"resource":"users","actions":["delete"]}]"#,
        )
        .unwrap();
        let rights = Rights::listed(&read);
        let [users] = &*rights.permissions() else { panic!("{rights:?}") };
        assert_eq!(users.actions, [Action::Read, Action::Update, Action::Delete]);
        assert_eq!(Rights::listed(std::slice::from_ref(users)), rights);
    }

    #[test]
    fn a_role_covers_those_below_it() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[0].rights().cover(pair[1].rights()), "{pair:?}");
            assert!(!pair[1].rights().cover(pair[0].rights()), "{pair:?}");
        }
    }
}
