//! The dashboard that each role has before a person makes one of their own.

use serde_json::{Value, json};

use crate::rights::role::Role;

/// A dashboard as it is declared: its interval in milliseconds, its theme and its widgets.
#[derive(Debug)]
pub struct Layout {
    refresh_interval: u32,
    theme: &'static str,
    widgets: &'static [Widget],
}

/// A widget: its id, its type, and its place: x, y, width, height.
type Widget = (&'static str, &'static str, [u8; 4]);

const ADMIN: Layout = Layout {
    refresh_interval: 30_000,
    theme: "light",
    widgets: &[
        ("total-users", "kpi", [0, 0, 3, 2]),
        ("total-revenue", "kpi", [3, 0, 3, 2]),
        ("active-sessions", "kpi", [6, 0, 3, 2]),
        ("system-health", "kpi", [9, 0, 3, 2]),
        ("revenue-chart", "chart", [0, 2, 6, 4]),
        ("user-activity", "chart", [6, 2, 6, 4]),
        ("top-categories", "table", [0, 6, 4, 3]),
        ("recent-users", "table", [4, 6, 4, 3]),
        ("system-logs", "table", [8, 6, 4, 3]),
    ],
};
const MANAGER: Layout = Layout {
    refresh_interval: 60_000,
    theme: "light",
    widgets: &[
        ("total-revenue", "kpi", [0, 0, 4, 2]),
        ("total-transactions", "kpi", [4, 0, 4, 2]),
        ("active-users", "kpi", [8, 0, 4, 2]),
        ("revenue-chart", "chart", [0, 2, 8, 4]),
        ("top-categories", "chart", [8, 2, 4, 4]),
        ("user-trends", "chart", [0, 6, 6, 3]),
        ("category-performance", "table", [6, 6, 6, 3]),
    ],
};
const ANALYST: Layout = Layout {
    refresh_interval: 45_000,
    theme: "dark",
    widgets: &[
        ("ai-insights", "kpi", [0, 0, 3, 2]),
        ("anomalies", "kpi", [3, 0, 3, 2]),
        ("forecast-accuracy", "kpi", [6, 0, 3, 2]),
        ("trends", "kpi", [9, 0, 3, 2]),
        ("forecast-chart", "chart", [0, 2, 6, 4]),
        ("anomaly-detection", "chart", [6, 2, 6, 4]),
        ("model-performance", "table", [0, 6, 6, 3]),
        ("ai-recommendations", "table", [6, 6, 6, 3]),
    ],
};
const VIEWER: Layout = Layout {
    refresh_interval: 120_000,
    theme: "light",
    widgets: &[
        ("total-revenue", "kpi", [0, 0, 6, 2]),
        ("total-transactions", "kpi", [6, 0, 6, 2]),
        ("revenue-chart", "chart", [0, 2, 12, 4]),
        ("category-breakdown", "chart", [0, 6, 12, 3]),
    ],
};

impl Layout {
    /// That of a role.
    #[must_use]
    pub fn of(role: Role) -> &'static Self {
        match role {
            Role::Admin => &ADMIN,
            Role::Manager => &MANAGER,
            Role::Analyst => &ANALYST,
            Role::Viewer => &VIEWER,
        }
    }

    /// As clients read it.
    #[must_use]
    pub fn config(&self) -> Value {
        let widget = |(id, kind, [x, y, w, h]): &Widget| {
            let position = json!({ "x": x, "y": y, "w": w, "h": h });
            json!({ "id": id, "type": kind, "position": position })
        };
        json!({
            "widgets": self.widgets.iter().map(widget).collect::<Vec<_>>(),
            "refreshInterval": self.refresh_interval,
            "theme": self.theme,
        })
    }
}
