"""What WebAssembly lacks and programs still expect: an asyncio loop without sockets, threads that run at once."""

import _thread, asyncio, threading, time


class _NoSelector:
    """Waits for time alone; the clock is virtual, so a long sleep costs nothing."""

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("nothing is left that could wake this event loop")
        if timeout > 0:
            time.sleep(timeout)
        return []

    def close(self):
        pass


class Loop(asyncio.base_events.BaseEventLoop):
    """Timers, tasks, futures and queues; no sockets, signals or processes."""

    def __init__(self):
        super().__init__()
        self._selector = _NoSelector()

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass

    def add_signal_handler(self, *args):
        raise NotImplementedError

    remove_signal_handler = add_signal_handler

    async def shutdown_default_executor(self, timeout=None):
        self._executor_shutdown_called = True

    def run_in_executor(self, executor, function, *args):
        done = self.create_future()
        try:
            done.set_result(function(*args))
        except Exception as error:
            done.set_exception(error)
        return done


class _Policy(asyncio.events._BaseDefaultEventLoopPolicy):
    _loop_factory = Loop


def _start_at_once(function, args, kwargs={}, **_):
    function(*args, **kwargs)
    return _thread.get_ident()


def _start(self):
    """`Thread.start`: runs the thread to its end before it returns. One legal order of events, always the same."""
    if self._started.is_set():
        raise RuntimeError("threads can only be started once")
    self._started.set()
    self._ident = _thread.get_ident()
    try:
        self.run()
    except SystemExit:
        pass
    except BaseException:
        threading.excepthook(threading.ExceptHookArgs((*__import__("sys").exc_info(), self)))
    finally:
        self._finished = True


def _join(self, timeout=None):
    if not self._started.is_set():
        raise RuntimeError("cannot join thread before it is started")


def _is_alive(self):
    return self._started.is_set() and not getattr(self, "_finished", False)


def install():
    asyncio.events._set_event_loop_policy(_Policy())
    asyncio.EventLoop = asyncio.SelectorEventLoop = asyncio.DefaultEventLoop = Loop
    asyncio.new_event_loop = asyncio.events.new_event_loop
    threading.Thread.start = _start
    threading.Thread.join = _join
    threading.Thread.is_alive = _is_alive
    _thread.start_new_thread = _start_at_once
    _install_executor()


def _install_executor():
    from concurrent import futures

    class Inline(futures.Executor):
        """Runs each call as it is submitted."""

        def __init__(self, max_workers=None, *args, initializer=None, initargs=(), **kwargs):
            self._max_workers, self._shut = max_workers or 1, False
            if initializer is not None:
                initializer(*initargs)

        def submit(self, function, /, *args, **kwargs):
            if self._shut:
                raise RuntimeError("cannot schedule new futures after shutdown")
            done = futures.Future()
            done.set_running_or_notify_cancel()
            try:
                done.set_result(function(*args, **kwargs))
            except Exception as error:
                done.set_exception(error)
            return done

        def shutdown(self, wait=True, *, cancel_futures=False):
            self._shut = True

    from concurrent.futures import thread

    Inline.__name__ = Inline.__qualname__ = "ThreadPoolExecutor"
    futures.ThreadPoolExecutor = thread.ThreadPoolExecutor = Inline
