/**
 * The messages between a benchmark and its children, over Node's IPC. The parent asks questions and a child answers; a
 * child also sends events by itself. Both ends are part of this repository, so messages are not validated.
 */
export interface Question {
  id: number
  question: string
}

export interface Answer {
  id: number
  answer: unknown
}

export interface Event {
  event: string
  value: unknown
}

/** In a child: answers a question each time it is asked. */
export function answerParent(question: string, answer: () => unknown): void {
  process.on('message', (message: Question) => {
    if (message.question === question) send({ id: message.id, answer: answer() })
  })
  // The channel must not keep a process alive that has nothing left to do.
  process.channel?.unref()
}

/** In a child: sends an event to the parent. */
export function sendToParent(event: string, value: unknown): void {
  send({ event, value })
}

function send(message: Answer | Event): void {
  if (!process.send) throw new Error('This program is a child process of a benchmark, and cannot run by itself.')
  process.send(message)
}
