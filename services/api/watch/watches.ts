import type { Logger } from '../../platform/log.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { TooManyWatchesError } from './errors.ts'
import type { Sight } from './snapshot.ts'
import { Watch } from './watch.ts'
import { Watcher } from './watcher.ts'

/** Those who wait for an upload to change. However many wait for one, it is looked at once for all, and only while one waits. */
export interface Watches<T> {
  /**
   * Begins to watch an upload. Whoever begins has to close it.
   *
   * @param first what the caller has just seen of it
   * @throws TooManyWatchesError
   */
  open(key: UploadKey, first: Sight<T>): Watch<T>
  /** Has whoever waits for the upload see it at once: this process has just changed it. */
  hurry(key: UploadKey): void
  /** Ends every watch, and those that are opened later at once. */
  close(): void
}

export interface WatchesSettings<T> {
  /** Looks once: undefined where the upload is gone. Rejects when the signal fires. */
  look(key: UploadKey, signal: AbortSignal): Promise<Sight<T> | undefined>
  log: Pick<Logger, 'warn'>
  /** Watches of one owner at a time. */
  mostOfOwner?: number
  /** Watches of the process at a time. */
  most?: number
  now?: () => number
  random?: () => number
}

interface Watched<T> {
  watcher: Watcher<T>
  watches: Set<Watch<T>>
}

export function createWatches<T>(settings: WatchesSettings<T>): Watches<T> {
  const { look, log, mostOfOwner = 50, most = 2_000, now = Date.now, random = Math.random } = settings
  const watched = new Map<string, Watched<T>>()
  const ofOwner = new Map<string, number>()
  let all = 0
  let isClosed = false

  function count(owner: string, by: 1 | -1): void {
    const own = (ofOwner.get(owner) ?? 0) + by
    if (own === 0) ofOwner.delete(owner)
    else ofOwner.set(owner, own)
    all += by
  }

  function begin(key: UploadKey, first: Sight<T>): Watched<T> {
    const watches = new Set<Watch<T>>()
    const watcher = new Watcher<T>(
      {
        look: signal => look(key, signal),
        onSight: sight => {
          for (const watch of watches) watch.show(sight)
        },
        log,
        now,
        random,
      },
      first,
    )
    const entry = { watches, watcher }
    watched.set(nameOf(key), entry)
    return entry
  }

  function end(key: UploadKey, entry: Watched<T>, watch: Watch<T>): void {
    entry.watches.delete(watch)
    count(key.owner, -1)
    if (entry.watches.size > 0) return
    entry.watcher.stop()
    watched.delete(nameOf(key))
  }

  return {
    open(key, first) {
      if ((ofOwner.get(key.owner) ?? 0) >= mostOfOwner) throw new TooManyWatchesError('owner', mostOfOwner)
      if (all >= most) throw new TooManyWatchesError('process', most)
      const entry = watched.get(nameOf(key)) ?? begin(key, first)
      const watch = new Watch(first, () => end(key, entry, watch))
      entry.watches.add(watch)
      count(key.owner, 1)
      if (isClosed) watch.close()
      return watch
    },
    hurry(key) {
      watched.get(nameOf(key))?.watcher.hurry()
    },
    close() {
      isClosed = true
      for (const { watches } of [...watched.values()]) for (const watch of [...watches]) watch.close()
    },
  }
}

const nameOf = ({ owner, uploadId }: UploadKey) => `${owner}/${uploadId}`
