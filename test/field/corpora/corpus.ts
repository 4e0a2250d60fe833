import type { Sent } from '../field-case.ts'

/** A package of a public registry that has the files of a corpus. The version is fixed: other files would be another corpus. */
export interface CorpusPackage {
  readonly registry: 'pypi' | 'npm'
  readonly name: string
  readonly version: string
  /** The package as Python imports it, not its sources. */
  readonly importable?: true
}

/** A file of a corpus, how it is sent, and what an independent reader makes of it. */
export interface CorpusItem {
  /** Unique in the corpus. */
  readonly name: string
  readonly send: Sent
  readonly expected: Expected
}

export type Expected =
  /** The independent reader cannot read it either: a refusal is right, and so is a digest, or its text where it is one. */
  | { readonly kind: 'unreadable'; readonly text?: string }
  | { readonly kind: 'text'; readonly text: string }
  /** Rows as the values that are not empty, of those rows that have as many fields as the header. */
  | { readonly kind: 'rows'; readonly rows: readonly (readonly string[])[]; readonly mayBeRefused: boolean }
  /** The thumbnail: its size, and 16 by 16 pixels of it. */
  | { readonly kind: 'image'; readonly width: number; readonly height: number; readonly pixels: Buffer }
  | { readonly kind: 'files'; readonly files: readonly ExpectedFile[] }

export interface ExpectedFile {
  readonly filename?: string
  readonly bytes: Buffer
}

export interface Corpus {
  readonly name: string
  /** What its files are compared with. */
  readonly reader: string
  readonly packages: readonly CorpusPackage[]
  /** @param folders where the packages are unpacked, in their order */
  load(folders: readonly string[]): Promise<CorpusItem[]>
}
