import { HeadgateError } from '../../platform/errors.ts'
import type { Logger } from '../../platform/log.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { type Snapshot, Watch } from './watch.ts'
import { Watcher } from './watcher.ts'

/** The maximum number of waiting requests is reached. */
export class TooManyWatchesError extends HeadgateError {
  readonly code = 'HEADGATE_TOO_MANY_WATCHES'
  /** Whose maximum is reached. */
  readonly of: 'owner' | 'process'

  constructor(of: 'owner' | 'process', max: number) {
    super(`${max} requests of this ${of} already wait for uploads to change.`)
    this.of = of
  }
}

/** The requests that wait for uploads to change. One watcher per upload reads it for all of them, and only while a request waits. */
export interface Watches<T> {
  /**
   * Starts to watch an upload. The caller has to close the watch.
   *
   * @param first the state that the caller has just read
   * @throws TooManyWatchesError
   */
  open(key: UploadKey, first: Snapshot<T>): Watch<T>
  /** Reads the upload now for all requests that wait for it, because this process has just changed it. */
  refresh(key: UploadKey): void
  /** Closes every watch. A watch that is opened later is closed at once. */
  close(): void
}

export interface WatchesSettings<T> {
  /** Reads an upload. Resolves to undefined if it no longer exists. Rejects when the signal is aborted. */
  read(key: UploadKey, signal: AbortSignal): Promise<Snapshot<T> | undefined>
  log: Pick<Logger, 'warn'>
  /** Maximum number of watches of one owner. @default 50 */
  maxPerOwner?: number
  /** Maximum number of watches of the process. @default 2,000 */
  max?: number
  now?: () => number
  random?: () => number
}

interface Watched<T> {
  watcher: Watcher<T>
  watches: Set<Watch<T>>
}

export function createWatches<T>(settings: WatchesSettings<T>): Watches<T> {
  const { read, log, maxPerOwner = 50, max = 2_000, now = Date.now, random = Math.random } = settings
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

  function begin(key: UploadKey, first: Snapshot<T>): Watched<T> {
    const watches = new Set<Watch<T>>()
    const watcher = new Watcher<T>(
      {
        read: signal => read(key, signal),
        onSnapshot: snapshot => {
          for (const watch of watches) watch.show(snapshot)
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
      if ((ofOwner.get(key.owner) ?? 0) >= maxPerOwner) throw new TooManyWatchesError('owner', maxPerOwner)
      if (all >= max) throw new TooManyWatchesError('process', max)
      const entry = watched.get(nameOf(key)) ?? begin(key, first)
      const watch = new Watch(first, () => end(key, entry, watch))
      entry.watches.add(watch)
      count(key.owner, 1)
      if (isClosed) watch.close()
      return watch
    },
    refresh(key) {
      watched.get(nameOf(key))?.watcher.refresh()
    },
    close() {
      isClosed = true
      for (const { watches } of [...watched.values()]) for (const watch of [...watches]) watch.close()
    },
  }
}

const nameOf = ({ owner, uploadId }: UploadKey) => `${owner}/${uploadId}`
