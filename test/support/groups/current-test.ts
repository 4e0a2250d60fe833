import type { Test } from 'tap'

let current: Test | undefined

/** Makes this test the default export, until it is replaced by the test of the next file. */
export function setCurrentTest(test: Test): void {
  current = test
}

/**
 * What a file of a group gets for `import t from 'tap'`: the test of the file that runs. Helpers are imported once for several files, so
 * each use looks up the test.
 */
export default new Proxy({} as Test, {
  get(_, name) {
    if (current === undefined) throw new Error('No file of the group is running')
    const value: unknown = Reflect.get(current, name, current)
    return typeof value === 'function' ? value.bind(current) : value
  },
})
