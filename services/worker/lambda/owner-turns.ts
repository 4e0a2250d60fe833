export interface OwnerTurns<Lane> {
  /** Takes the next lane. Undefined if none is left, or none may start now. */
  take(): { lane: Lane; owner: string } | undefined
  /** Call it when a lane of the owner has ended. */
  release(owner: string): void
}

/** Share of the running lanes that one owner may have while other owners wait. */
const OWNER_SHARE = 0.75

/**
 * Gives out the lanes of a batch in turns between owners. While lanes of other owners wait, one owner has at most three quarters of
 * the running lanes. Once no other owner waits, it may have all of them.
 */
export function createOwnerTurns<Lane>(
  lanes: Iterable<Lane>,
  { ownerOf, concurrency }: { ownerOf(lane: Lane): string; concurrency: number },
): OwnerTurns<Lane> {
  const share = Math.max(1, Math.floor(concurrency * OWNER_SHARE))
  const running = new Map<string, number>()
  /** Owners in the order of their turns. Their lanes are reversed, because it is cheap to take the last element. */
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
