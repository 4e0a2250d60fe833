import type { Mutation } from './mutation.ts'

/** Rules about reading a shard. */
export const FETCHING: readonly Mutation[] = [
  {
    rule: 'reading starts at the checkpoint, not after it',
    file: 'fetching/position.ts',
    text: "type: 'AT_SEQUENCE_NUMBER', sequenceNumber: from.sequenceNumber",
    replacement: "type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: from.sequenceNumber",
    breaks: ['1', '2'],
  },
  {
    rule: 'an iterator is replaced after a fault',
    file: 'fetching/fetch-shard.ts',
    text: "      if (fault !== 'throttled') iterator = undefined\n",
    replacement: '',
    breaks: ['10'],
  },
  {
    rule: 'a null iterator without children does not end a shard',
    file: 'fetching/fetch-shard.ts',
    text: 'const children = childrenInReply(shardId, reply)',
    replacement: 'const children = (await stream.listShards()).filter(one => one.parentShardIds.includes(shardId))',
    breaks: ['1'],
    from: 184,
  },
  {
    rule: 'fetching waits for room in the budget',
    file: 'fetching/byte-budget.ts',
    text: 'hasRoom: used => this.#hasRoom(used),',
    replacement: 'hasRoom: () => true,',
    breaks: ['9'],
  },
  {
    rule: 'a shard that is read from its start again delivers no record again',
    file: 'fetching/fetch-shard.ts',
    text: 'const fresh = dropRepeated(reply, last)',
    replacement: 'const fresh = last === undefined ? dropRepeated(reply, last) : reply',
    breaks: ['twice', 'start'],
    from: 22,
  },
  {
    rule: 'a silent subscription is closed',
    file: 'fetching/subscription.ts',
    text: 'Promise.race([coming, silence])',
    replacement: 'Promise.race([coming, silence.then(() => coming)])',
    breaks: ['10'],
    from: 13,
  },
  {
    rule: 'a subscription is reopened after the records of the previous one',
    file: 'fetching/fan-out.ts',
    text: 'position = positionAfter(event, position, event.continuation)',
    replacement: 'positionAfter(event, position, event.continuation)',
    breaks: ['2', 'twice'],
  },
  {
    rule: 'a shard is subscribed to at most once a second',
    file: 'fetching/fan-out.ts',
    text: 'Math.max(calledAt + CALL_INTERVAL_MS - clock.now(), waitMs)',
    replacement: 'waitMs',
    breaks: ['pace'],
  },
  {
    rule: 'the end of a shard without children is ignored',
    file: 'fetching/fan-out.ts',
    text: 'if (children.length > 0) return children',
    replacement: 'if (isLast) return children',
    breaks: ['1', '6', '7', '10'],
  },
  {
    rule: 'nothing is read from a subscription while there is no room',
    file: 'fetching/fan-out.ts',
    text: 'while (await waitForRoom(settings)) {',
    replacement: 'while (!signal.aborted) {',
    breaks: ['9'],
    from: 42,
  },
]
