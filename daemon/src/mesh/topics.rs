//! Names on gossip and in the DHT: what is announced where, so that a node hears of what it could do and no more.

use edgecoder_protocol::{Hash, NetworkId};

/// The topic on which work is announced that needs `language`, and a model or none.
pub fn work(network: NetworkId, language: &str, own_model: bool) -> String {
    let model = match own_model {
        true => "own-model",
        false => "any",
    };
    format!("edgecoder/1/{}/tasks/{language}/{model}", short(network))
}

/// The topic on which the coordinator says who is here.
pub fn roster(network: NetworkId) -> String {
    format!("edgecoder/1/{}/roster", short(network))
}

/// The topic on which members say how far the ledger is.
pub fn ledger(network: NetworkId) -> String {
    format!("edgecoder/1/{}/ledger", short(network))
}

/// Where a content is provided.
pub fn content(hash: Hash) -> Vec<u8> {
    key("content", &hash.0)
}

/// Where nodes that run a language are found.
pub fn language(network: NetworkId, language: &str) -> Vec<u8> {
    key("language", &[&network.0, language.as_bytes()].concat())
}

/// Where nodes that answer for a model are found, by the hash of its file.
pub fn model(network: NetworkId, hash: Hash) -> Vec<u8> {
    key("model", &[network.0, hash.0].concat())
}

/// Networks share no topics; 16 digits tell them apart.
fn short(network: NetworkId) -> String {
    network.0[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn key(kind: &str, of: &[u8]) -> Vec<u8> {
    let text = format!("edgecoder/1/{kind}/");
    Hash::of(&[text.as_bytes(), of].concat()).0.to_vec()
}
