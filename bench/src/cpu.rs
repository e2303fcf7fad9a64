//! Processor time and memory of this process, its threads and the servers it runs, from `/proc`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

/// The kernel counts in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// Processor time by process.
#[derive(Debug, Clone, Default)]
pub struct Cpu(BTreeMap<String, Duration>);

impl Cpu {
    /// The time until now.
    #[must_use]
    pub fn now() -> Self {
        let own = std::process::id();
        let mut cpu = Cpu::default();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            if let Some((name, time)) = read(&stat, own) {
                *cpu.0.entry(name).or_default() += time;
            }
        }
        cpu
    }

    /// The time since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Cpu) -> Cpu {
        let spent = |(name, time): (&String, &Duration)| {
            let before = earlier.0.get(name).copied().unwrap_or_default();
            (name.clone(), time.saturating_sub(before))
        };
        Cpu(self.0.iter().map(spent).collect())
    }

    /// Each process and its time.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.0.iter().map(|(name, time)| (name.as_str(), *time))
    }
}

/// The resident memory of the servers of that name, in bytes.
#[must_use]
pub fn resident_bytes(name: &str) -> u64 {
    let own = std::process::id();
    let of = |folder: &Path| {
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        read(&stat, own).filter(|(its, _)| its == name)?;
        resident(folder)
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| of(&entry.path())).sum()
}

/// The processor time and the resident memory, in bytes, of the process with that id.
///
/// # Errors
/// Fails if there is none.
pub fn of_process(pid: u32) -> anyhow::Result<(Duration, u64)> {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let stat = std::fs::read_to_string(folder.join("stat"))?;
    let time = Stat::of(&stat).context("the time of a process")?.time;
    Ok((time, resident(&folder).context("the memory of a process")?))
}

/// The processor time of this process's threads of that name.
#[must_use]
pub fn of_threads(name: &str) -> Duration {
    let all = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |folder: PathBuf| {
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        Some(Stat::of(&stat).filter(|stat| stat.name == name)?.time)
    };
    all.filter_map(|entry| of(entry.path())).sum()
}

fn resident(folder: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(folder.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1_024)
}

/// The name and time of a process, if it is `own` or a child of it.
fn read(stat: &str, own: u32) -> Option<(String, Duration)> {
    let Stat { pid, name, parent, time } = Stat::of(stat)?;
    (pid == own || parent == own).then(|| (name.to_owned(), time))
}

/// What the kernel says of a process, or of a thread.
struct Stat<'a> {
    pid: u32,
    name: &'a str,
    parent: u32,
    time: Duration,
}

impl<'a> Stat<'a> {
    fn of(stat: &'a str) -> Option<Self> {
        let (pid, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |at: usize| fields.get(at)?.parse::<u32>().ok();
        let time = TICK * (number(11)? + number(12)?);
        Some(Stat { pid: pid.parse().ok()?, name, parent: number(1)?, time })
    }
}
