/** True in Node. False in a browser, also if a bundler defines a `process`. */
export const isNode: boolean =
  typeof process === 'object' && typeof process.versions?.node === 'string' && !('document' in globalThis)
