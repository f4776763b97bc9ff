//! Who of a shard's subscribers a publication is for: a list per delay, topic and detail, and for each subscriber its
//! places in them, so that joining and leaving cost the same in a crowd of ten as of ten thousand.

use std::collections::{BTreeMap, HashMap};

use feeds::Topic;

use crate::scoreboard::Entry;
use crate::wire::Detail;

/// A subscriber's number in its shard.
pub(super) type Key = usize;
/// Those who watch with the same delay, in seconds; 0 = live.
pub(super) type Group = u16;

/// The lists.
#[derive(Debug, Default)]
pub struct Audience {
    numbers: BTreeMap<Group, HashMap<Topic, usize>>,
    lists: Vec<List>,
    unused: Vec<usize>,
    places: Vec<Vec<Place>>,
    /// The last round in which a subscriber was visited: it may stand in several lists.
    visited: Vec<u64>,
    round: u64,
}

#[derive(Debug, Default)]
struct List {
    topic: Option<(Group, Topic)>,
    /// By [`Detail`]: score, full.
    members: [Vec<Key>; 2],
}

#[derive(Debug, Clone, Copy)]
struct Place {
    list: u32,
    slot: u32,
    detail: Detail,
}

impl Audience {
    /// Puts a subscriber on a topic's list, in place of where it stood there before.
    pub fn join(&mut self, group: Group, key: Key, topic: &Topic, detail: Detail) {
        self.leave(group, key, topic);
        let list = self.list(group, topic);
        let members = &mut self.lists[list].members[detail as usize];
        let slot = u32::try_from(members.len()).expect("fewer connections than 2^32");
        members.push(key);
        if self.places.len() <= key {
            self.places.resize_with(key + 1, Vec::new);
            self.visited.resize(key + 1, 0);
        }
        let list = u32::try_from(list).expect("fewer topics than 2^32");
        self.places[key].push(Place { list, slot, detail });
    }

    /// Takes a subscriber off a topic's list; whether it stood there.
    pub fn leave(&mut self, group: Group, key: Key, topic: &Topic) -> bool {
        let Some(&list) = self.numbers.get(&group).and_then(|numbers| numbers.get(topic)) else { return false };
        let places = self.places.get_mut(key);
        let Some(place) = places.and_then(|places| {
            let at = places.iter().position(|place| place.list as usize == list)?;
            Some(places.swap_remove(at))
        }) else {
            return false;
        };
        self.vacate(place);
        true
    }

    /// Takes a subscriber off every list; how many there were.
    pub fn remove(&mut self, key: Key) -> usize {
        let places = self.places.get_mut(key).map(std::mem::take).unwrap_or_default();
        let count = places.len();
        places.into_iter().for_each(|place| self.vacate(place));
        count
    }

    /// Moves a subscriber to another group, on the same topics.
    pub fn regroup(&mut self, key: Key, to: Group) {
        let places = self.places.get_mut(key).map(std::mem::take).unwrap_or_default();
        for place in places {
            let topic = self.lists[place.list as usize].topic.clone();
            self.vacate(place);
            if let Some((_, topic)) = topic {
                self.join(to, key, &topic, place.detail);
            }
        }
    }

    /// Visits everybody of a group whom an entry concerns, each once, in the greatest detail any of its topics asks. A feed's status
    /// concerns no topic: everybody is told, which is the caller's to do.
    pub fn visit(&mut self, group: Group, entry: &Entry, mut each: impl FnMut(Key, Detail)) {
        let Some(numbers) = self.numbers.get(&group) else { return };
        self.round += 1;
        for detail in [Detail::Full, Detail::Score] {
            for list in entry.publication.routing().filter_map(|topic| numbers.get(topic)) {
                for &key in &self.lists[*list].members[detail as usize] {
                    if std::mem::replace(&mut self.visited[key], self.round) != self.round {
                        each(key, detail);
                    }
                }
            }
        }
    }

    fn list(&mut self, group: Group, topic: &Topic) -> usize {
        let numbers = self.numbers.entry(group).or_default();
        if let Some(&list) = numbers.get(topic) {
            return list;
        }
        let list = self.unused.pop().unwrap_or_else(|| {
            self.lists.push(List::default());
            self.lists.len() - 1
        });
        self.lists[list].topic = Some((group, topic.clone()));
        numbers.insert(topic.clone(), list);
        list
    }

    fn vacate(&mut self, place: Place) {
        let list = &mut self.lists[place.list as usize];
        let members = &mut list.members[place.detail as usize];
        members.swap_remove(place.slot as usize);
        if let Some(&moved) = members.get(place.slot as usize) {
            let from = u32::try_from(members.len()).expect("fewer connections than 2^32");
            let same = |other: &&mut Place| (other.list, other.slot, other.detail) == (place.list, from, place.detail);
            if let Some(moved) = self.places[moved].iter_mut().find(same) {
                moved.slot = place.slot;
            }
        }
        if list.members.iter().all(Vec::is_empty) {
            if let Some((group, topic)) = list.topic.take() {
                let numbers = self.numbers.entry(group).or_default();
                numbers.remove(&topic);
                if numbers.is_empty() {
                    self.numbers.remove(&group);
                }
            }
            self.unused.push(place.list as usize);
        }
    }
}
