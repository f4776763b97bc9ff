//! The broker's contract, held by every engine; and what each engine promises beside it.

mod embedded;
pub(crate) mod engine;
pub(crate) mod follower;
mod following;
mod model;
mod publishing;
mod redis;
mod restarting;
pub(crate) mod words;

/// Runs the conformance suite on an engine. Each case is a test of its own, on a log of its own.
macro_rules! conformance {
    ($module:ident: $engine:ty) => {
        mod $module {
            use super::*;

            conformance! { @cases $engine;
                publishing::{
                    offsets_are_dense_and_first_versions_are_offsets,
                    a_draft_of_another_version_is_a_conflict,
                    a_known_id_answers_as_the_first_time,
                    a_known_id_is_answered_before_every_other_check,
                    an_id_is_its_providers_own,
                    older_stamps_are_outdated,
                    outdated_comes_before_conflict,
                    what_changed_nothing_is_remembered,
                    what_is_rejected_leaves_no_trace,
                    score_versions_follow_the_score_detail,
                    a_removed_game_leaves_a_tombstone,
                    a_game_that_comes_back_starts_at_its_offset,
                    a_feeds_status_has_its_place_in_the_log,
                    leases_have_one_holder,
                    racing_publishers_make_one_chain,
                    there_are_so_many_games,
                    ids_are_forgotten_by_count,
                    ids_are_forgotten_by_time,
                    tombstones_are_dropped_by_time,
                    a_tombstone_of_a_game_that_came_back_is_not_dropped_twice,
                }
                following::{
                    a_follower_loads_then_goes_on,
                    a_follower_that_joins_at_full_rate_sees_no_gap,
                    followers_see_the_same,
                    a_follower_that_stops_for_long_goes_on,
                    a_follower_that_was_overtaken_by_trimming_loads_again,
                    recent_history_is_trimmed_by_bytes,
                    recent_history_is_trimmed_by_time,
                    the_logs_clock_never_falls,
                    a_follower_is_told_each_second_where_it_stands,
                    a_dropped_receiver_ends_the_follower,
                }
                restarting::{
                    a_restart_keeps_everything,
                    ids_survive_a_restart,
                    restarts_under_load_lose_nothing,
                }
                model::{
                    random_operations_agree_with_the_model,
                }
            }
        }
    };
    (@cases $engine:ty; $($file:ident::{$($case:ident,)*})*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $file::$case::<$engine>().await;
            }
        )*)*
    };
}

conformance!(on_memory: engine::Memory);
conformance!(on_embedded: engine::Embedded);
conformance!(on_redis: redis::Redis);
conformance!(on_sentinel: redis::Sentinel);
conformance!(on_cluster: redis::Sharded);
