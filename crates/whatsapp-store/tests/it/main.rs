//! What whatsapp-rust may expect of a backend, asked of the library's own in-memory one, of SQLite and
//! of PostgreSQL; and what only ours promises.
#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

mod contract;
mod first_contact;
mod home;
mod instances;
mod oracle;
mod pending;
mod restart;
mod sealed;
mod session;

macro_rules! on_the_oracle {
    ($($area:ident: $($claim:ident),+;)+) => {
        mod in_memory {
            $($(#[tokio::test]
            async fn $claim() {
                let oracle = wacore::store::in_memory::InMemoryBackend::new();
                crate::contract::$area::$claim(&oracle).await;
            })+)+
        }
    };
}

macro_rules! on_sql {
    ($($area:ident: $($claim:ident),+;)+) => {
        mod sqlite {
            $($(#[tokio::test]
            async fn $claim() {
                let home = crate::home::Home::sqlite().await;
                crate::contract::$area::$claim(&home.open().await).await;
            })+)+
        }
        mod postgres {
            $($(#[tokio::test]
            #[ignore = "needs PostgreSQL"]
            async fn $claim() {
                let home = crate::home::Home::postgres().await;
                crate::contract::$area::$claim(&home.open().await).await;
            })+)+
        }
    };
}

macro_rules! contract {
    ($($clauses:tt)+) => {
        on_the_oracle! { $($clauses)+ }
        on_sql! { $($clauses)+ }
    };
}

/// What the documentation asks and the in-memory backend does not do: it forgets the number altogether.
mod beyond_the_oracle {
    on_sql! { contacts: a_number_left_by_one_lid_keeps_the_other; }
}

contract! {
    signal:
        identities_are_kept_by_address,
        a_batch_of_identities_is_kept_whole,
        sessions_are_kept_by_address,
        a_batch_of_sessions_inserts_and_replaces,
        an_empty_batch_changes_nothing,
        a_session_that_was_probed_for_is_found_once_written,
        signal_state_is_found_by_user_whatever_the_device,
        a_user_is_not_found_by_the_beginning_of_the_number,
        a_deleted_session_or_identity_is_gone,
        sender_keys_are_kept_by_address;
    prekeys:
        prekeys_are_kept_by_id,
        a_full_upload_of_prekeys_is_kept_whole,
        only_prekeys_that_exist_are_loaded_and_in_the_order_asked,
        marking_a_prekey_uploaded_does_not_bring_it_back,
        marking_a_prekey_uploaded_keeps_its_record,
        the_highest_prekey_id_is_that_of_what_is_stored,
        signed_prekeys_are_kept_by_id;
    app_sync:
        sync_keys_are_kept_and_the_latest_is_the_last_stored,
        an_unknown_collection_is_at_version_zero,
        collections_keep_their_state,
        mutation_macs_are_kept_by_collection_and_index,
        many_mutation_macs_are_found_at_once,
        clearing_a_collection_leaves_the_others;
    groups:
        sender_key_status_is_kept_by_group_and_device,
        clearing_a_group_leaves_the_others,
        a_device_is_forgotten_in_every_group,
        all_groups_can_be_cleared,
        group_metadata_is_kept_until_deleted;
    contacts:
        a_lid_mapping_is_found_both_ways,
        a_batch_of_lid_mappings_is_kept_whole,
        the_latest_lid_of_a_phone_number_wins,
        a_lid_that_moves_leaves_its_old_number,
        base_keys_are_compared_by_address_and_message,
        device_lists_are_kept_by_user,
        a_batch_of_device_lists_keeps_the_last_of_a_user;
    tokens:
        a_token_is_kept_replaced_and_deleted,
        a_contact_without_a_token_is_found_once_it_has_one,
        touching_makes_a_placeholder_and_keeps_a_real_token,
        the_senders_time_only_moves_forward,
        a_received_token_keeps_the_senders_time,
        a_received_token_does_not_replace_a_newer_one,
        a_placeholder_never_blocks_the_first_token,
        a_token_expires_when_both_its_windows_have,
        touching_and_receiving_at_once_lose_nothing;
    messages:
        a_sent_message_is_taken_once,
        of_many_takers_one_gets_the_message,
        a_message_sent_again_replaces_itself,
        sent_messages_expire_by_age,
        a_pending_message_is_kept_until_deleted,
        pending_messages_are_told_apart_by_chat_sender_and_id,
        a_batch_of_pending_messages_is_stored_again_without_harm,
        a_batch_of_pending_messages_is_deleted_alone,
        pending_messages_expire_by_age;
    msg_secrets:
        a_secret_is_found_by_chat_sender_and_message,
        a_batch_of_secrets_counts_its_entries,
        a_deadline_never_shrinks,
        never_outlives_every_deadline,
        a_known_message_time_is_not_forgotten,
        the_same_message_twice_in_a_batch_is_merged,
        secrets_expire_at_their_deadline;
    device:
        a_created_device_exists_and_can_be_loaded,
        creating_again_keeps_the_device,
        a_saved_device_is_loaded_whole;
}
