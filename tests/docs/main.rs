//! The documents, held against the code and against each other.
//!
//! # Layout
//!
//! - [`page`]: a Markdown file as far as these tests go;
//! - [`links`]: every link leads somewhere, and the README stays short;
//! - here: what a page lists is what there is in the code.
//!
//! The commands in the documents are run by `.ci/documents`.

mod links;
mod page;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use adaptive_bi::auth::audit::EventType;
use adaptive_bi::config::Settings;
use adaptive_bi::http::problem::ProblemType;
use adaptive_bi::projector::status::Halt;
use adaptive_bi::push::{offers, socket_io};
use adaptive_bi::rights::role::{Rights, Role};
use clap::Args;
use page::{Page, code};
use projections::event::{Kind, Says};

type Names = BTreeSet<String>;

/// The rows of a table by the code in their first cell.
fn rows(page: &str, marker: &str) -> BTreeMap<String, Vec<String>> {
    let table = Page::read(page).table(marker);
    let rows: BTreeMap<_, _> = table
        .iter()
        .map(|row| (code(&row[0]).unwrap_or_else(|| panic!("{page}: {row:?}")), row.clone()))
        .collect();
    assert_eq!(rows.len(), table.len(), "{page}: a row of {marker} is there twice");
    rows
}

fn names(page: &str, marker: &str) -> Names {
    rows(page, marker).into_keys().collect()
}

/// Every Rust file of the program.
fn sources() -> Vec<String> {
    let folders = ["src", "store/src", "stream/src", "telemetry/src"];
    let (mut texts, mut folders) = (Vec::new(), folders.map(|it| page::root().join(it)).to_vec());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                texts.push(fs::read_to_string(path).expect("text"));
            }
        }
    }
    assert!(texts.len() > 100, "{}", texts.len());
    texts
}

/// What stands in quotes right behind `before` and consists of these bytes.
fn quoted_behind(text: &str, before: &str, is_part: fn(u8) -> bool) -> Vec<String> {
    let behind = text.match_indices(before).map(|(at, _)| text[at + before.len()..].trim_start());
    let quoted = behind.filter_map(|rest| rest.strip_prefix('"')?.split_once('"'));
    quoted.map(|(it, _)| it.to_owned()).filter(|it| it.bytes().all(is_part)).collect()
}

#[test]
fn every_setting_is_on_its_page_with_its_default_and_in_the_example() {
    let command = Settings::augment_args(clap::Command::new("settings"));
    let page = rows("docs/settings.md", "settings");
    let example = fs::read_to_string(page::root().join(".env.example")).expect("an example");
    let mut known = Names::new();
    for argument in command.get_arguments() {
        let Some(name) = argument.get_env().and_then(|it| it.to_str()) else { continue };
        known.insert(name.to_owned());
        let row = page.get(name).unwrap_or_else(|| panic!("{name} is not in docs/settings.md"));
        let default = argument.get_default_values().first().map(|it| it.to_string_lossy());
        let default = default.filter(|it| !it.is_empty()).map(Cow::into_owned);
        assert_eq!(code(&row[1]), default, "the default of {name} in docs/settings.md");
        let line = format!("\n#{name}=");
        let line = example.find(&line).map(|at| &example[at + line.len()..]);
        let line = line.unwrap_or_else(|| panic!("{name} is not in .env.example"));
        if let Some(default) = default {
            assert_eq!(line.lines().next(), Some(&*default), "{name} in .env.example");
        }
    }
    assert!(known.len() > 30, "{known:?}");
    assert_eq!(page.into_keys().collect::<Names>(), known, "docs/settings.md has no other");
    let named = example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let is_name = |it: &str| it.bytes().all(|it| it.is_ascii_uppercase() || it == b'_');
    let named: Names = named.map(|(it, _)| it.to_owned()).filter(|it| is_name(it)).collect();
    assert_eq!(named, known, ".env.example has no other");
}

#[test]
fn every_metric_is_on_the_page_of_operators() {
    let is_name = |it: u8| it.is_ascii_lowercase() || it == b'_';
    let mut known = Names::new();
    for text in sources() {
        for prefix in ["adaptive_bi_", "http_server_"] {
            let consts = quoted_behind(&text, "&str =", is_name);
            known.extend(consts.into_iter().filter(|it| it.starts_with(prefix)));
        }
    }
    assert!(known.len() > 25, "{known:?}");
    assert_eq!(names("docs/operate.md", "metrics"), known);
}

#[test]
fn every_halt_is_on_the_page_of_operators() {
    // ReadContext a halt that there is none of names all that there are.
    let error = serde_json::from_str::<Halt>(r#"{"reason":"none of them"}"#).expect_err("none");
    let error = error.to_string();
    let (_, known) = error.split_once("expected").expect("what there is");
    let known: Names = known.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(known.len() > 5, "{error}");
    assert_eq!(names("docs/operate.md", "halts"), known);
}

#[test]
fn every_type_of_problem_is_on_the_page_of_the_api_with_its_status() {
    let page = rows("docs/api.md", "problem types");
    let halts = names("docs/operate.md", "halts");
    let known = ProblemType::ALL.iter().filter(|it| !halts.contains(it.as_str()));
    let known: BTreeMap<_, _> =
        known.map(|it| (it.as_str().to_owned(), it.status().as_u16().to_string())).collect();
    assert!(known.len() > 20, "{known:?}");
    let listed: BTreeMap<_, _> =
        page.into_iter().map(|(name, row)| (name, row[1].clone())).collect();
    assert_eq!(listed, known);
}

#[test]
fn every_event_of_the_audit_is_on_the_page_of_security() {
    let listed = Page::read("docs/security.md").paragraph("audit events");
    let listed: Names = listed.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(listed, EventType::ALL.iter().map(|it| it.as_str().to_owned()).collect());
}

#[test]
fn every_role_has_the_rights_that_the_page_of_security_says() {
    let mut above = Rights::NONE;
    let table = Page::read("docs/security.md").table("roles");
    let roles: Vec<_> = table.iter().map(|row| Role::parse(&row[0]).expect("a role")).collect();
    assert_eq!(roles.iter().rev().copied().collect::<Vec<_>>(), Role::ALL);
    for (role, row) in roles.into_iter().zip(&table) {
        let rights = role.rights();
        if row[1] == "all" {
            assert_eq!(rights, Rights::ALL);
            continue;
        }
        // Each adds to the one above it.
        let shown = |rights: Rights| -> Names {
            let all = rights.permissions().into_iter();
            let named = |resource: &str, action: &str| format!("{resource}:{action}");
            all.flat_map(|it| {
                it.actions
                    .into_iter()
                    .map(move |action| named(it.resource.as_str(), action.as_str()))
            })
            .collect()
        };
        let added: Names = shown(rights).difference(&shown(above)).cloned().collect();
        let text = row[1].split_once(", and ").map_or(&*row[1], |(_, added)| added);
        let mut listed = Names::new();
        let mut resource = "";
        for right in text.split([',', ';']).map(str::trim) {
            let action = match right.split_once(':') {
                Some((of, action)) => {
                    resource = of;
                    action
                }
                None => right,
            };
            listed.insert(format!("{resource}:{action}"));
        }
        assert_eq!(listed, added, "{role:?}");
        above = rights;
    }
}

#[test]
fn every_kind_of_event_is_on_its_page_with_its_members() {
    let page = rows("docs/events.md", "kinds");
    for kind in Kind::ALL {
        let row = page.get(kind.as_str()).unwrap_or_else(|| panic!("{kind:?} is not there"));
        let declared = |is_meant: fn(Says) -> bool| -> Names {
            let meant = kind.members().iter().filter(|it| is_meant(it.says));
            meant.map(|it| it.name.to_owned()).collect()
        };
        let listed = |cell: &str| -> Names {
            // Behind a name are its default, or the members of an object.
            let name = |it: &str| it.split([' ', '{']).next().map(str::to_owned);
            cell.split(", ").filter_map(name).collect()
        };
        let needed = declared(|says| matches!(says, Says::Needed(_)));
        assert_eq!(listed(&row[1]), needed, "{kind:?}");
        let optional = declared(|says| matches!(says, Says::Optional(_) | Says::Among(_)));
        assert_eq!(listed(&row[2]), optional, "{kind:?}");
    }
    assert_eq!(page.len(), Kind::ALL.len());
}

#[test]
fn every_alias_is_on_the_page_of_events() {
    let page = fs::read_to_string("docs/events.md").expect("the page");
    let (_, page) = page.split_once("<!-- aliases -->\n").expect("the table");
    let mut kind = String::new();
    let mut listed = BTreeSet::new();
    for row in page.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        if !cells[0].is_empty() {
            kind = cells[0].trim_matches('`').to_owned();
        }
        listed.extend(cells[2].split(", ").map(|it| format!("{kind} {} {it}", cells[1])));
    }
    let mut declared = BTreeSet::new();
    for kind in Kind::ALL {
        for member in kind.members() {
            if let Says::Alias(of) = member.says {
                declared.insert(format!("{} {of} {}", kind.as_str(), member.name));
            }
        }
    }
    assert_eq!(listed, declared);
}

#[test]
fn every_event_of_socket_io_is_on_its_page() {
    let page = fs::read_to_string("docs/push.md").expect("the page");
    let (_, page) = page.split_once("\n## Socket.IO\n").expect("its part");
    for event in socket_io::events::EVENTS.iter().map(|event| event.name) {
        assert_eq!(page.matches(&format!("\n| `{event}` |")).count(), 1, "{event}");
    }
}

#[test]
fn every_topic_is_on_the_page_of_push() {
    let page = fs::read_to_string("docs/push.md").expect("the page");
    let (_, table) = page.split_once("| Topic | Figures |\n|---|---|\n").expect("the table");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let listed: Names = rows.filter_map(|row| Some(row.split('`').nth(1)?.to_owned())).collect();
    assert_eq!(listed, offers::TOPICS.iter().map(|topic| topic.name.to_owned()).collect());
}

/// Every command that does something, with those it is below.
fn commands(of: &[&str], into: &mut Names) {
    let program = env!("CARGO_BIN_EXE_adaptive-bi");
    let help = Command::new(program).args(of).arg("--help").output().expect("it runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let Some((_, listed)) = help.split_once("\nCommands:\n") else {
        assert!(help.contains("Usage:"), "{of:?}: {help}");
        into.insert(format!("adaptive-bi {}", of.join(" ")));
        return;
    };
    let listed = listed.lines().take_while(|line| !line.is_empty());
    for name in listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()) {
        if !["", "help"].contains(&name) {
            commands(&[of, &[name]].concat(), into);
        }
    }
}

#[test]
fn every_command_is_on_the_page_of_operators() {
    let mut known = Names::new();
    commands(&[], &mut known);
    assert!(known.len() > 15, "{known:?}");
    let listed = names("docs/operate.md", "commands");
    for command in &known {
        let has = |it: &String| {
            it.strip_prefix(command.as_str())
                .is_some_and(|rest| !rest.starts_with(|it: char| it.is_ascii_alphabetic()))
        };
        assert_eq!(listed.iter().filter(|it| has(it)).count(), 1, "{command} in {listed:#?}");
    }
    assert_eq!(listed.len(), known.len(), "{listed:#?}");
}

/// Flags that a page gives a command are flags that it has.
#[test]
fn every_flag_of_a_command_is_one_that_it_has() {
    let program = env!("CARGO_BIN_EXE_adaptive-bi");
    for command in names("docs/operate.md", "commands") {
        let words: Vec<_> = command.split([' ', '[', ']', '|', '\\']).collect();
        let is_part = |it: u8| it.is_ascii_lowercase() || it == b'-';
        let is_name =
            |it: &&&str| !it.is_empty() && it.bytes().all(is_part) && !it.starts_with("--");
        let path: Vec<_> = words.iter().skip(1).take_while(is_name).collect();
        let flags: Vec<_> = words.iter().filter(|it| it.starts_with("--")).collect();
        let help = Command::new(program).args(&path).arg("--help").output().expect("it runs");
        let help = String::from_utf8(help.stdout).expect("text");
        for flag in flags {
            let is_there = help.split_whitespace().any(|word| word.trim_end_matches(',') == *flag);
            assert!(is_there, "{command} has no {flag}");
        }
    }
}
