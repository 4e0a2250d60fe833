import { readFileSync } from 'node:fs'
import { type LoadFnOutput, type LoadHookContext, registerHooks } from 'node:module'

/** A file of a custom transform, as it was when it was loaded: the module of a rule, or one that it imports. */
export interface LoadedFile {
  url: string
  format: string
  source: string
}

/** The variable with the path of a snapshot: a JSON list of loaded files. */
export const SNAPSHOT_VARIABLE = 'HEADGATE_TRANSFORMS_SNAPSHOT'

/** Makes this process load the files of a snapshot, whatever they contain on disk by now. */
export function useSnapshot(file: string): void {
  const listed = JSON.parse(readFileSync(file, 'utf8')) as LoadedFile[]
  const files = new Map(listed.map(loaded => [loaded.url, loaded]))
  registerHooks({
    resolve(specifier, context, nextResolve) {
      // A file of the snapshot may be deleted from disk.
      const url = localUrl(specifier, context.parentURL)
      if (url !== undefined && files.has(url)) return { url, shortCircuit: true, format: files.get(url)?.format }
      return nextResolve(specifier, context)
    },
    load(url, context, nextLoad) {
      const found = files.get(url)
      return found ? { format: found.format, source: found.source, shortCircuit: true } : nextLoad(url, context)
    },
  })
}

/** Calls back for every local file that this process tries to load, and for its source once it is loaded. */
export function observeLoads(onLoad: (url: string, file: LoadedFile | undefined) => void): void {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const url = localUrl(specifier, context.parentURL)
      // Reported before it is found: saving a missing file is a reason to load again.
      if (url !== undefined) onLoad(url, undefined)
      return nextResolve(specifier, context)
    },
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (url.startsWith('file:')) onLoad(url, fileOf(url, context, loaded))
      return loaded
    },
  })
}

function fileOf(url: string, context: LoadHookContext, { format, source }: LoadFnOutput): LoadedFile | undefined {
  const form = format ?? context.format
  if (form === undefined || form === null || source === undefined || source === null) return undefined
  const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString()
  return { url, format: form, source: text }
}

function localUrl(specifier: string, parent: string | undefined): string | undefined {
  if (specifier.startsWith('file:')) return specifier
  if (!/^\.{0,2}\//.test(specifier) || parent?.startsWith('file:') !== true) return undefined
  return URL.canParse(specifier, parent) ? new URL(specifier, parent).href : undefined
}
