//! What each declaration depends on, as one hash: of its own bytes and of all that it leads to, in the order of the text.
//!
//! Knows numbers and edges, not declarations. Nodes that lead to each other share one hash. Beside its neighbours'
//! hashes each node's holds which of all nodes that it leads to stand behind it: the order of any two that lead to each
//! other is known then, and that of others can't matter to either.

use super::doubt::Doubt;
use super::id::Id;

/// Nodes in the order of the text, with edges to others.
pub(super) struct Graph {
    /// Where each node's edges begin in `targets`, and one number more.
    pub(super) starts: Vec<u32>,
    pub(super) targets: Vec<u32>,
}

/// Steps after which a graph is given up.
const MOST_STEPS: usize = 50_000_000;

impl Graph {
    pub(super) fn of(&self, node: usize) -> &[u32] {
        &self.targets[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The nodes that some lead to, themselves among them, each with the node that led there.
    pub(super) fn reached(&self, from: impl Iterator<Item = usize>) -> Vec<Option<u32>> {
        let mut by = vec![None; self.len()];
        let mut waiting = Vec::new();
        for node in from {
            by[node] = Some(node as u32);
            waiting.push(node);
        }
        while let Some(node) = waiting.pop() {
            for &target in self.of(node) {
                let target = target as usize;
                if by[target].is_none() {
                    by[target] = Some(node as u32);
                    waiting.push(target);
                }
            }
        }
        by
    }

    /// For each node the number of its component. Components have lower numbers than those that lead to them.
    fn components(&self) -> (Vec<u32>, usize) {
        const NONE: u32 = u32::MAX;
        let size = self.len();
        let (mut index, mut low) = (vec![NONE; size], vec![0_u32; size]);
        let mut component = vec![NONE; size];
        let (mut stack, mut path): (Vec<u32>, Vec<(u32, u32)>) = (Vec::new(), Vec::new());
        let (mut next, mut count) = (0_u32, 0_u32);
        for root in 0..size {
            if index[root] != NONE {
                continue;
            }
            path.push((root as u32, 0));
            while let Some((node, edge)) = path.last_mut() {
                let at = *node as usize;
                if *edge == 0 && index[at] == NONE {
                    (index[at], low[at]) = (next, next);
                    next += 1;
                    stack.push(at as u32);
                }
                if let Some(&target) = self.of(at).get(*edge as usize) {
                    *edge += 1;
                    let target = target as usize;
                    if index[target] == NONE {
                        path.push((target as u32, 0));
                    } else if component[target] == NONE {
                        low[at] = low[at].min(index[target]);
                    }
                    continue;
                }
                path.pop();
                if let Some((parent, _)) = path.last() {
                    let parent = *parent as usize;
                    low[parent] = low[parent].min(low[at]);
                }
                if low[at] == index[at] {
                    while let Some(member) = stack.pop() {
                        component[member as usize] = count;
                        if member as usize == at {
                            break;
                        }
                    }
                    count += 1;
                }
            }
        }
        (component, count as usize)
    }

    /// The hash of each node's component, given each node's own.
    pub(super) fn closures(&self, own: &[Id]) -> Result<Components, Doubt> {
        let (component, count) = self.components();
        // Members in the order of the text, one component after the other.
        let mut starts = vec![0_u32; count + 1];
        for &it in &component {
            starts[it as usize + 1] += 1;
        }
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let mut fill = starts.clone();
        let mut members = vec![0_u32; component.len()];
        let mut rank = vec![0_u32; component.len()];
        for (node, &it) in component.iter().enumerate() {
            let slot = &mut fill[it as usize];
            rank[node] = *slot - starts[it as usize];
            members[*slot as usize] = node as u32;
            *slot += 1;
        }
        let mut hashes: Vec<Id> = Vec::with_capacity(count);
        // The last node that each component leads to.
        let mut last: Vec<u32> = Vec::with_capacity(count);
        let mut buffer = Vec::new();
        let (mut edges, mut late): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        let mut visited = vec![u32::MAX; count];
        let mut waiting: Vec<u32> = Vec::new();
        let mut steps = 0_usize;
        for it in 0..count {
            let own_members = &members[starts[it] as usize..starts[it + 1] as usize];
            let mut furthest = own_members.last().copied().unwrap_or(0);
            buffer.clear();
            for &node in own_members {
                let at = node as usize;
                buffer.extend_from_slice(&own[at].0);
                edges.clear();
                edges.extend(
                    self.of(at).iter().filter(|&&to| component[to as usize] as usize != it),
                );
                edges.sort_unstable();
                steps += edges.len();
                late.clear();
                for &to in &edges {
                    let other = component[to as usize] as usize;
                    furthest = furthest.max(last[other]);
                    buffer.extend_from_slice(&hashes[other].0);
                    buffer.extend_from_slice(&rank[to as usize].to_le_bytes());
                    buffer.push(u8::from(to > node));
                    if last[other] > node && visited[other] != node {
                        visited[other] = node;
                        waiting.push(other as u32);
                    }
                }
                // What stands behind this node of all that it leads to; each node has a mark of its own.
                while let Some(other) = waiting.pop() {
                    let range =
                        starts[other as usize] as usize..starts[other as usize + 1] as usize;
                    for &member in &members[range] {
                        if member > node {
                            late.push(member);
                        }
                        let targets = self.of(member as usize);
                        steps += targets.len() + 1;
                        for &to in targets {
                            let next = component[to as usize] as usize;
                            if last[next] > node && visited[next] != node {
                                visited[next] = node;
                                waiting.push(next as u32);
                            }
                        }
                    }
                    if steps > MOST_STEPS {
                        return Err(Doubt::Tangled);
                    }
                }
                late.sort_unstable();
                buffer.push(2);
                for &member in &late {
                    buffer.extend_from_slice(&hashes[component[member as usize] as usize].0);
                    buffer.extend_from_slice(&rank[member as usize].to_le_bytes());
                }
                buffer.push(3);
            }
            hashes.push(Id::of(&buffer));
            last.push(furthest);
        }
        Ok(Components { component, hashes })
    }
}

/// Nodes that lead to each other, together.
pub(super) struct Components {
    /// Of each node.
    pub(super) component: Vec<u32>,
    pub(super) hashes: Vec<Id>,
}
