//! Processor time and memory of this process and the servers it runs, from `/proc`.

use std::collections::BTreeMap;
use std::time::Duration;

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
    let of = |folder: std::path::PathBuf| {
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        read(&stat, own).filter(|(its, _)| its == name)?;
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kilobytes * 1_024)
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| of(entry.path())).sum()
}

/// The name and time of a process, if it is `own` or a child of it.
fn read(stat: &str, own: u32) -> Option<(String, Duration)> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let parent: u32 = fields.get(1)?.parse().ok()?;
    if pid.parse() != Ok(own) && parent != own {
        return None;
    }
    let ticks = fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?;
    Some((name.to_owned(), TICK * ticks))
}
