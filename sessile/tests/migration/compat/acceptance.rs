//! The suite for all stores, on stores that were written for actix-session.

use std::sync::Arc;

use sessile::{
    storage::compat::Adapter,
    test_helpers::{acceptance_test_suite, store_contract_test_suite},
};

use crate::old_stores::{
    ours::{FileStore, TableStore},
    table::{OnMissing, Table},
};

fn store(on_missing: OnMissing) -> Adapter<TableStore> {
    let table = Table::on_missing(on_missing);
    Adapter::new(TableStore(Arc::new(table)))
}

#[actix_web::test]
async fn a_store_in_memory_passes_the_suite() {
    acceptance_test_suite(|| store(OnMissing::SaveAnother), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_in_memory_passes_the_suite_on_many_threads() {
    store_contract_test_suite(|| store(OnMissing::BringBack)).await;
}

/// As in an application that makes one for each worker thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn adapters_of_one_process_share_their_queues() {
    use sessile::{
        clock::Clock as _,
        storage::{SessionStore as _, *},
    };
    use std::time::Duration;

    let table = Arc::new(Table::default());
    let adapter = move || Adapter::new(TableStore(table.clone()));
    let minute = Duration::from_secs(60);
    let mut record = sessile::record::Record::new(sessile::clock::SystemClock.now());
    record.state.insert("n", &0).unwrap();
    let (id, version) = (SessionId::generate(), Version::generate());
    let created = adapter().create(&id, &record, version, minute).await;
    let Ok(CreateOutcome::CreatedAs(id)) = created else {
        panic!("{created:?}");
    };
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (adapter, id) = (adapter(), id.clone());
        tasks.spawn(async move {
            for _ in 0..5 {
                loop {
                    let loaded = adapter.load(&id, None, Freshness::Current).await;
                    let Loaded {
                        mut record,
                        version,
                    } = loaded.unwrap().unwrap();
                    let n: u32 = record.state.get("n").unwrap().unwrap();
                    record.state.insert("n", &(n + 1)).unwrap();
                    let next = Version::generate();
                    let updated = adapter.update(&id, version, &record, next, minute).await;
                    if updated.unwrap() == UpdateOutcome::Updated {
                        break;
                    }
                }
            }
        });
    }
    tasks.join_all().await;
    let loaded = adapter().load(&id, None, Freshness::Current).await;
    let state = loaded.unwrap().unwrap().record.state;
    assert_eq!(state.get("n"), Ok(Some(40)));
}

#[actix_web::test]
async fn a_store_in_files_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    acceptance_test_suite(move || Adapter::new(FileStore::in_folder(&path)), true).await;
}
