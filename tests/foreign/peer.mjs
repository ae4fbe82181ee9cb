// A foreign node for tests/tests/foreign.rs: js-libp2p with the protocols that ours speak, driven over stdin
// and stdout. It decides nothing; what must hold is in the test.
//
// Each line is one JSON object. A command {"id", "do", ...} is answered by {"id", "ok"} or {"id", "error"}:
//   dial       addresses         peer: who answered
//   ping       peer              ms
//   subscribe  topic
//   publish    topic, text       recipients: the peers that it was sent to
//   find       peer              from: who told; addresses. Asks others by Kademlia and never the memory.
// Events come between, whenever they happen:
//   ready         peer, addresses                 once, first
//   identified    peer, agent, family, protocols  what a peer told of itself
//   settled                                       Kademlia has pinged its first peer and looked up itself there
//   subscription  peer, topic, is_subscribed
//   gossip        peer (who signed it), topic, text
// It ends when stdin does.
//
// To drive it by hand: cd ~/.cache/edgecoder/foreign-*, then
//   node_modules/.bin/node --input-type=module --eval "$(cat REPOSITORY/tests/foreign/peer.mjs)"

import { createInterface } from 'node:readline'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

// Our names, as daemon/mesh/src/behaviour.rs has them. They are spelled again because they are the wire's.
const FAMILY = '/edgecoder/1'
const KADEMLIA = '/edgecoder/kad/1'

// A command that takes longer has failed. The test gives up later, so that it can print why.
const COMMAND_MS_MAX = 30_000

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

// Our nodes read what a peer tells of itself only when it names their protocol family. js-libp2p has no option
// for that name: its `protocolPrefix` would rename identify's own protocol too.
const introduction = (components) => {
  const service = identify()(components)
  service.host.protocolVersion = FAMILY
  return service
}

const node = await createLibp2p({
  start: false,
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  // It pings every ten seconds. rust-libp2p drops an older ping stream for a newer one, so it could spoil the
  // ping that the test asks for.
  connectionMonitor: { enabled: false },
  services: {
    identify: introduction,
    ping: ping(),
    gossip: gossipsub(),
    kademlia: kadDHT({
      protocol: KADEMLIA,
      clientMode: false,
      // Without it js-libp2p drops addresses of private networks and of this machine.
      peerInfoMapper: passthroughMapper
    })
  }
})
const { gossip, kademlia } = node.services

node.addEventListener('peer:identify', ({ detail }) => say({
  event: 'identified',
  peer: detail.peerId.toString(),
  agent: detail.agentVersion,
  family: detail.protocolVersion,
  protocols: detail.protocols
}))
node.addEventListener('kad-dht:query:self', () => say({ event: 'settled' }))
gossip.addEventListener('subscription-change', ({ detail }) => {
  for (const { topic, subscribe } of detail.subscriptions) {
    say({ event: 'subscription', peer: detail.peerId.toString(), topic, is_subscribed: subscribe })
  }
})
gossip.addEventListener('message', ({ detail }) => say({
  event: 'gossip',
  peer: detail.from?.toString(),
  topic: detail.topic,
  text: new TextDecoder().decode(detail.data)
}))

const commands = {
  async dial ({ addresses }, signal) {
    const connection = await node.dial(addresses.map((address) => multiaddr(address)), { signal })
    return { peer: connection.remotePeer.toString() }
  },
  async ping ({ peer }, signal) {
    return { ms: await node.services.ping.ping(peerIdFromString(peer), { signal }) }
  },
  async subscribe ({ topic }) {
    gossip.subscribe(topic)
    return {}
  },
  async publish ({ topic, text }) {
    const { recipients } = await gossip.publish(topic, new TextEncoder().encode(text))
    return { recipients: recipients.map((peer) => peer.toString()) }
  },
  async find ({ peer }, signal) {
    for await (const event of kademlia.findPeer(peerIdFromString(peer), { signal, useCache: false })) {
      if (event.name === 'FINAL_PEER') {
        return { from: event.from.toString(), addresses: event.peer.multiaddrs.map(String) }
      }
    }
    throw new Error('nobody told of the peer')
  }
}

const obey = async (line) => {
  const { id, do: name, ...what } = JSON.parse(line)
  try {
    say({ id, ok: await commands[name](what, AbortSignal.timeout(COMMAND_MS_MAX)) })
  } catch (error) {
    say({ id, error: `${error.name}: ${error.message}` })
  }
}

await node.start()
createInterface({ input: process.stdin })
  .on('line', obey)
  // Whoever started it is gone. Connections need no farewell: the system closes them.
  .on('close', () => process.exit(0))
say({ event: 'ready', peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(String) })
