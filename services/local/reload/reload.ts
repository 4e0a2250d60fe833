import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { HeadgateError } from '../../platform/errors.ts'
import { readablePath } from '../pipeline/log-notice.ts'
import { sibling } from '../sibling.ts'
import type { CheckResult } from './check-program.ts'
import { checkTransforms } from './check-transforms.ts'
import { SNAPSHOT_VARIABLE } from './snapshot.ts'
import { watchFiles } from './watch-files.ts'

/** The transforms cannot be loaded at the start. */
export class TransformsError extends HeadgateError {
  readonly code = 'HEADGATE_TRANSFORMS'
}

/** The custom transforms of a pipeline, which are loaded again whenever one of their files is saved. */
export interface Transforms {
  /** Variables of a worker that runs the version that was loaded last, whatever the files contain by now. */
  readonly workerEnv: Readonly<Record<string, string>>
  /** Starts to watch the files. */
  watch(settings: WatchSettings): void
  /** Resolves when no reload is running any more. */
  close(): Promise<void>
}

export interface WatchSettings {
  /** Replaces the workers. The files of the old version are deleted when it resolves. */
  replaceWorkers(env: Readonly<Record<string, string>>): Promise<void>
  /** Called with a sentence about each reload and each fault. */
  onNotice(notice: string): void
}

/** A worker drains for half a second, then its uploads in flight are aborted, and the next worker processes them. */
const SHUTDOWN_TIMEOUT_MS = '5500'

/**
 * Loads the transforms of the variable TRANSFORMS. Workers and their transform processes then load the sources that were valid when they
 * were checked. Without that, a file that is being edited would reach a running worker, which starts transform processes at any time.
 *
 * @throws TransformsError
 */
export async function openTransforms(env: NodeJS.ProcessEnv): Promise<Transforms> {
  const dir = mkdtempSync(path.join(tmpdir(), 'headgate-transforms-'))
  let version = 0

  function store({ rules, modules }: NonNullable<CheckResult['loaded']>): Record<string, string> {
    const file = path.join(dir, `${++version}.json`)
    writeFileSync(file, JSON.stringify(modules))
    const preload = `--import=${pathToFileURL(sibling(import.meta, 'use-snapshot')).href}`
    return {
      TRANSFORMS: rules,
      [SNAPSHOT_VARIABLE]: file,
      NODE_OPTIONS: [env.NODE_OPTIONS, preload].filter(Boolean).join(' '),
      ...(env.SHUTDOWN_TIMEOUT_MS === undefined && { SHUTDOWN_TIMEOUT_MS }),
    }
  }

  const removeAll = () => rmSync(dir, { recursive: true, force: true })
  const first = await checkTransforms(env)
  if (!first.loaded) {
    removeAll()
    throw new TransformsError(`The transforms cannot be loaded:\n${first.fault ?? ''}`)
  }
  let workerEnv = store(first.loaded)
  let files = first.files
  let reloading: Promise<void> = Promise.resolve()
  let close = (): void => undefined

  return {
    get workerEnv() {
      return workerEnv
    },
    watch({ replaceWorkers, onNotice }) {
      let saved: string[] = []
      let isReloading = false
      let isClosed = false

      async function reload(): Promise<void> {
        // A file that is saved during a reload causes another one.
        while (saved.length > 0 && !isClosed) {
          const startedAt = performance.now()
          const names = saved.map(readablePath).join(', ')
          saved = []
          const checked = await checkTransforms(env)
          // A module that did not load may hide files that it imports.
          files = checked.loaded ? checked.files : [...new Set([...files, ...checked.files])]
          watcher.follow(files)
          if (isClosed || saved.length > 0) continue
          if (!checked.loaded) {
            onNotice(
              `${names} was saved, but the old version stays in use until the next save:\n${checked.fault ?? ''}`,
            )
            continue
          }
          const old = workerEnv[SNAPSHOT_VARIABLE]
          workerEnv = store(checked.loaded)
          await replaceWorkers(workerEnv)
          if (old !== undefined) rmSync(old, { force: true })
          onNotice(`Reloaded ${names} in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s.`)
        }
      }

      // A full disk or a worker that does not start must not end the pipeline.
      async function reloadOrReport(): Promise<void> {
        isReloading = true
        try {
          await reload()
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error)
          if (!isClosed) onNotice(`The workers could not be replaced: ${reason}. Save the file again to retry.`)
        } finally {
          isReloading = false
        }
      }

      const watcher = watchFiles({
        onNotice,
        onSave(names) {
          saved = [...new Set([...saved, ...names])]
          if (!isReloading) reloading = reloadOrReport()
        },
      })
      watcher.follow(files)
      close = () => {
        isClosed = true
        watcher.close()
      }
    },
    async close() {
      close()
      await reloading
      removeAll()
    },
  }
}
