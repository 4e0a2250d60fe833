import type { Sent } from '../field-case.ts'

/**
 * A package of a public registry that contains the files of a corpus. The version is fixed, because another version may
 * have other files.
 */
export interface CorpusPackage {
  readonly registry: 'pypi' | 'npm'
  readonly name: string
  readonly version: string
  /** True for the wheel instead of the source distribution. */
  readonly importable?: true
}

/** A file of a corpus, how it is sent, and the result of an independent reader. */
export interface CorpusItem {
  /** A unique name in the corpus. */
  readonly name: string
  readonly send: Sent
  readonly expected: Expected
}

export type Expected =
  /**
   * The independent reader cannot read it either. A rejection is right, and so is a digest, or its text if it is text.
   */
  | { readonly kind: 'unreadable'; readonly text?: string }
  | { readonly kind: 'text'; readonly text: string }
  /** The non-empty values of the rows that have as many fields as the header. */
  | { readonly kind: 'rows'; readonly rows: readonly (readonly string[])[]; readonly mayBeRefused: boolean }
  /** The thumbnail: its size, and 16 by 16 of its pixels. */
  | { readonly kind: 'image'; readonly width: number; readonly height: number; readonly pixels: Buffer }
  | { readonly kind: 'files'; readonly files: readonly ExpectedFile[] }

export interface ExpectedFile {
  readonly filename?: string
  readonly bytes: Buffer
}

export interface Corpus {
  readonly name: string
  /** The independent reader that its files are compared with. */
  readonly reader: string
  readonly packages: readonly CorpusPackage[]
  /** @param folders the folders of the unpacked packages, in their order */
  load(folders: readonly string[]): Promise<CorpusItem[]>
}
