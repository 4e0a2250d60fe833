export interface OwnerTurns<Lane> {
  /** Takes the lane whose turn it is. Undefined when none is left. */
  take(): { lane: Lane; owner: string } | undefined
  /** A lane of the owner has ended. */
  release(owner: string): void
}

/** Of the lanes that run at once, what one owner may have while others wait. */
const OWNER_SHARE = 0.75

/**
 * Hands out the lanes of a batch in turns: one of each owner, then the next of each. While lanes of other owners wait, an owner has at
 * most three quarters of those that run. Everything is known from the start, so once no other owner waits, it may have all.
 */
export function createOwnerTurns<Lane>(
  lanes: Iterable<Lane>,
  { ownerOf, concurrency }: { ownerOf(lane: Lane): string; concurrency: number },
): OwnerTurns<Lane> {
  const share = Math.max(1, Math.floor(concurrency * OWNER_SHARE))
  const running = new Map<string, number>()
  /** In the order of their turns. Reversed, so that the next lane is the last: taking it moves no other. */
  const waiting = new Map([...Map.groupBy(lanes, ownerOf)].map(([owner, ofOwner]) => [owner, ofOwner.toReversed()]))

  function nextOwner(): string | undefined {
    for (const owner of waiting.keys()) {
      if (waiting.size === 1 || (running.get(owner) ?? 0) < share) return owner
    }
    return undefined
  }

  return {
    take() {
      const owner = nextOwner()
      if (owner === undefined) return undefined
      const ofOwner = waiting.get(owner) ?? []
      const lane = ofOwner.pop()
      waiting.delete(owner)
      if (lane === undefined) return undefined
      if (ofOwner.length > 0) waiting.set(owner, ofOwner)
      running.set(owner, (running.get(owner) ?? 0) + 1)
      return { lane, owner }
    },
    release(owner) {
      running.set(owner, (running.get(owner) ?? 1) - 1)
    },
  }
}
