// Fanout
// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite struct NoticeBoardTests {
    @Test func `a wait ends with its task, so that a test past its time limit can't hold up the run`() async {
        let board = NoticeBoard(0)
        let waiting = Task { await board.wait { $0 == 1 } }
        waiting.cancel()
        #expect(await waiting.value == 0)
    }

    @Test func `a wait ends with the value that was waited for`() async {
        let board = NoticeBoard(0)
        async let seen = board.wait { $0 == 2 }
        board.update { $0 = 1 }
        board.update { $0 = 2 }
        #expect(await seen == 2)
    }
}
