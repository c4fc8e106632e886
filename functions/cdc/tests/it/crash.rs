//! A call may die anywhere: the log has each change exactly once all the same.

use shopflow_cdc::Context;
use shopflow_cdc::logical::Capture;
use shopflow_core::ErrorKind;
use shopflow_core::contract::CdcEvent;
use shopflow_core::settings::CdcMode;
use shopflow_testkit::wait::{Wait, counted, cut_off};

use crate::log;
use crate::shop::{BASE, Random, change};
use crate::world::{World, settings, world};

/// So many calls are cut off at random.
const CUT_CALLS: u32 = 20;

/// The step after which a call dies.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum DiesAfter {
    Claim,
    Write,
    Commit,
    Publish,
}

async fn die(world: &World, context: &Context, moment: DiesAfter) {
    let mut client = world.connect().await;
    let mut capture = Capture::open(context, &mut client).await.unwrap();
    capture.claim().await.unwrap();
    if moment == DiesAfter::Claim {
        return;
    }
    let batch = capture.write().await.unwrap();
    if moment == DiesAfter::Write {
        return;
    }
    capture.commit(batch).await.unwrap();
    if moment == DiesAfter::Publish {
        capture.publish().await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_dies_between_two_steps_leaves_nothing_to_repair() {
    for moment in [DiesAfter::Claim, DiesAfter::Write, DiesAfter::Commit, DiesAfter::Publish] {
        world(settings(CdcMode::Logical), move |world| async move {
            world.execute(BASE).await;
            world.captured().await;
            let mut random = Random::new(11);
            for step in 0..5 {
                change(&world.sql, &mut random, 1000 + step * 1000).await;
            }
            let small = world.context_with(|settings| settings.max_changes = 40);
            die(&world, &small, moment).await;
            // What happens meanwhile must not slip into the batch that is written again.
            for step in 5..9 {
                change(&world.sql, &mut random, 1000 + step * 1000).await;
            }
            die(&world, &small, moment).await;
            world.capture_with(&small).await;
            log::assert_true(&world).await;
        })
        .await;
    }
}

#[tokio::test]
async fn calls_cut_off_at_random_moments_lose_and_double_nothing() {
    let mut own = settings(CdcMode::Logical);
    own.max_changes = 60;
    world(own, |world| async move {
        world.execute(BASE).await;
        let mut random = Random::new(23);
        world.captured().await;
        change(&world.sql, &mut random, 1000).await;
        // How many steps a call takes: the last one that came to its end.
        let (_, mut whole) = counted(world.call(&world.context, CdcEvent::default())).await;
        let wait = Wait::until("enough calls were cut off");
        let mut cut = 0;
        for step in 2.. {
            change(&world.sql, &mut random, step * 1000).await;
            let steps = 1 + u32::try_from(random.below(u64::from(whole))).unwrap();
            let call = counted(world.call(&world.context, CdcEvent::default()));
            match cut_off(call, steps).await {
                None => cut += 1,
                Some((Ok(result), steps)) if result.skipped.is_none() => whole = steps,
                // The session of the one before has not ended yet.
                Some((Ok(_), _)) => wait.pause(20).await,
                Some((Err(error), _)) => {
                    assert_eq!(error.kind(), ErrorKind::TransientDatabase, "{error}");
                    wait.pause(20).await;
                }
            }
            if cut == CUT_CALLS {
                break;
            }
        }
        world.captured().await;
        log::assert_true(&world).await;
    })
    .await;
}

#[tokio::test]
async fn of_two_calls_at_once_one_works_and_the_other_says_so() {
    world(settings(CdcMode::Logical), |world| async move {
        world.execute(BASE).await;
        let calls = (0..4).map(|_| world.call(&world.context, CdcEvent::default()));
        let results = futures::future::join_all(calls).await;
        let worked = results.iter().filter(|r| r.as_ref().unwrap().skipped.is_none()).count();
        assert!((1..4).contains(&worked), "{results:?}");
        log::assert_true(&world).await;
    })
    .await;
}

#[tokio::test]
async fn a_call_that_was_overtaken_cannot_commit() {
    world(settings(CdcMode::Logical), |world| async move {
        world.execute(BASE).await;
        world.captured().await;
        change(&world.sql, &mut Random::new(3), 1000).await;
        let (mut first, mut second) = (world.connect().await, world.connect().await);
        let mut slow = Capture::open(&world.context, &mut first).await.unwrap();
        slow.claim().await.unwrap();
        let late = slow.write().await.unwrap();
        let mut fast = Capture::open(&world.context, &mut second).await.unwrap();
        fast.claim().await.unwrap();
        let batch = fast.write().await.unwrap();
        fast.commit(batch).await.unwrap();
        fast.publish().await.unwrap();
        let error = slow.commit(late).await.unwrap_err();
        assert!(error.to_string().contains("another call moved the checkpoint"), "{error}");
        drop((slow, fast));
        world.captured().await;
        log::assert_true(&world).await;
    })
    .await;
}
