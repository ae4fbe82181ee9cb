//! What a node's handle says of its network and its worker, refused where there is none.

use edgecoder_protocol::operator::{
    ErrorKind, ErrorObject, NodeView, PeerRow, PolicyRequest, WorkerView,
};

use super::NodeHandle;

/// Why there is nothing to say.
pub(super) fn local() -> ErrorObject {
    let message = "this node is in local mode: it is in no network";
    let next = "join one with `edgecoder network join LINE`, then set `mode = \"mesh\"`";
    ErrorObject::new(ErrorKind::Policy, message, next)
}

fn no_worker() -> ErrorObject {
    let message = "this node runs no worker";
    let next = "add `worker` to `roles`, then `edgecoder daemon stop`";
    ErrorObject::new(ErrorKind::Policy, message, next)
}

#[cfg(feature = "mesh")]
impl NodeHandle {
    /// This node in its network.
    ///
    /// # Errors
    /// [`ErrorObject`] in local mode.
    pub async fn in_network(&self) -> Result<NodeView, ErrorObject> {
        Ok(self.hub()?.view().await)
    }

    /// The peers it knows.
    ///
    /// # Errors
    /// [`ErrorObject`] in local mode.
    pub async fn peers(&self) -> Result<Vec<PeerRow>, ErrorObject> {
        Ok(self.hub()?.peers().await)
    }

    /// This node's part in its network.
    ///
    /// # Errors
    /// [`ErrorObject`] in local mode.
    pub fn hub(&self) -> Result<&std::sync::Arc<crate::mesh::Hub>, ErrorObject> {
        self.inner.hub.as_ref().ok_or_else(local)
    }
}

#[cfg(not(feature = "mesh"))]
impl NodeHandle {
    /// This node in its network: a build without a mesh is in none.
    ///
    /// # Errors
    /// [`ErrorObject`] always.
    pub async fn in_network(&self) -> Result<NodeView, ErrorObject> {
        Err(local())
    }

    /// The peers it knows: a build without a mesh knows none.
    ///
    /// # Errors
    /// [`ErrorObject`] always.
    pub async fn peers(&self) -> Result<Vec<PeerRow>, ErrorObject> {
        Err(local())
    }
}

#[cfg(feature = "worker")]
impl NodeHandle {
    /// What its worker does.
    ///
    /// # Errors
    /// [`ErrorObject`] where there is none.
    pub fn worker(&self) -> Result<WorkerView, ErrorObject> {
        let hub = self.hub()?;
        hub.worker_view().ok_or_else(no_worker)
    }

    /// Takes nothing new until told to resume.
    ///
    /// # Errors
    /// [`ErrorObject`] where there is no worker.
    pub async fn pause_worker(&self) -> Result<WorkerView, ErrorObject> {
        self.hub()?.a_worker().ok_or_else(no_worker)?.pause().await;
        self.worker()
    }

    /// Takes work again.
    ///
    /// # Errors
    /// [`ErrorObject`] where there is no worker.
    pub async fn resume_worker(&self) -> Result<WorkerView, ErrorObject> {
        self.hub()?.a_worker().ok_or_else(no_worker)?.resume().await;
        self.worker()
    }

    /// Finishes what is held and takes nothing new.
    ///
    /// # Errors
    /// [`ErrorObject`] where there is no worker.
    pub async fn drain_worker(&self) -> Result<WorkerView, ErrorObject> {
        self.hub()?.a_worker().ok_or_else(no_worker)?.drain().await;
        self.worker()
    }

    /// Changes what the owner allows.
    ///
    /// # Errors
    /// [`ErrorObject`] where there is no worker.
    pub async fn set_worker_policy(
        &self,
        request: PolicyRequest,
    ) -> Result<WorkerView, ErrorObject> {
        let hub = self.hub()?;
        hub.a_worker().ok_or_else(no_worker)?;
        hub.set_policy(request).await;
        self.worker()
    }
}

#[cfg(not(feature = "worker"))]
impl NodeHandle {
    /// What its worker does: a build without one has none.
    ///
    /// # Errors
    /// [`ErrorObject`] always.
    pub fn worker(&self) -> Result<WorkerView, ErrorObject> {
        Err(no_worker())
    }

    /// As [`NodeHandle::worker`].
    ///
    /// # Errors
    /// [`ErrorObject`] always.
    pub async fn pause_worker(&self) -> Result<WorkerView, ErrorObject> {
        self.worker()
    }

    /// As [`NodeHandle::worker`].
    ///
    /// # Errors
    /// [`ErrorObject`] always.
    pub async fn resume_worker(&self) -> Result<WorkerView, ErrorObject> {
        self.worker()
    }

    /// As [`NodeHandle::worker`].
    ///
    /// # Errors
    /// [`ErrorObject`] always.
    pub async fn drain_worker(&self) -> Result<WorkerView, ErrorObject> {
        self.worker()
    }

    /// As [`NodeHandle::worker`].
    ///
    /// # Errors
    /// [`ErrorObject`] always.
    pub async fn set_worker_policy(&self, _: PolicyRequest) -> Result<WorkerView, ErrorObject> {
        self.worker()
    }
}
