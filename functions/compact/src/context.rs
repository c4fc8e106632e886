//! What the function is given once, at its start.

use std::time::Duration;

use shopflow_core::Storage;
use shopflow_core::runtime::Init;
use shopflow_core::settings::Compact;
use shopflow_lake::Layout;

use crate::plan::Limits;

pub(crate) const MIB: u64 = 1024 * 1024;

/// What the handler needs from its surroundings.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) storage: Storage,
    pub(crate) lake: String,
    pub(crate) limits: Limits,
    pub(crate) reserve: Duration,
    pub(crate) parallelism: usize,
}

impl Context {
    /// The context of the deployed function.
    pub fn new(init: Init) -> Self {
        let layout = Layout::new(&init.settings.lake);
        Context::with(init.storage, &init.settings.buckets.lake, &init.settings.compact, layout)
    }

    /// A context of given parts; `lake` is the bucket.
    pub fn with(storage: Storage, lake: &str, settings: &Compact, layout: Layout) -> Self {
        Context {
            storage,
            lake: lake.to_owned(),
            limits: Limits {
                target_bytes: settings.target_file_mib * MIB,
                min_small_files: settings.min_small_files.max(2),
                month_bytes: layout.month_bytes,
            },
            reserve: Duration::from_secs(settings.reserve_seconds),
            parallelism: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }

    /// Encoded input that may be in memory at once; the output takes about as much again.
    pub(crate) fn memory_mib(&self) -> u64 {
        self.limits.target_bytes.div_ceil(MIB).max(1)
    }
}
